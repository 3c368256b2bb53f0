"""`uploads quarantine`: refused files, for whoever has to decide about them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any, BinaryIO, Concatenate, ParamSpec

import click

from uploads import clock
from uploads.documents.desk import QuarantineDesk
from uploads.documents.model import Actor, Role, Scope, State
from uploads.documents.readers.members import escaped
from uploads.documents.releases import AT_DESK, WAITING_AT_DESK, Case
from uploads.documents.samples import PASSWORD
from uploads.documents.showing_desk import case_json, detail_json
from uploads.records.quarantining import DeskFilter
from uploads.security.accounts import Accounts
from uploads.security.keys import OPERATOR
from workers.cli.session import say, show_json, stack_settings
from workers.trouble import Trouble, spoken_plainly

P = ParamSpec("P")
# To look is no act; whoever reads the database reads this as well.
_LOOKING = Actor(OPERATOR, OPERATOR, Role.ADMIN, frozenset({Scope.ADMIN}), "cli")
_PAGE = 200
_A_LINE = 16

_document = click.argument("document_id", metavar="ID")
_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_acting = click.option(
    "--as", "email", required=True, metavar="EMAIL", help="The administrator who does it."
)


def _with_desk(
    command: Callable[Concatenate[QuarantineDesk, Accounts, P], None],
) -> Callable[P, None]:
    """Hand a command the desk and the accounts; what goes wrong is one sentence and exit code 1."""

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            with spoken_plainly():
                command(*_parts(), *args, **kwargs)
        except Trouble as trouble:
            raise click.ClickException(str(trouble)) from trouble

    return run


def _parts() -> tuple[QuarantineDesk, Accounts]:
    given: tuple[QuarantineDesk, Accounts] | None = click.get_current_context().obj
    if given is not None:
        return given
    # Imported late: `uploads quarantine --help` needs no store and no queue.
    from uploads.wiring import build  # noqa: PLC0415

    services = build(stack_settings())
    return services.desk, services.accounts


@click.group()
def quarantine() -> None:
    """Look at refused files, release, delete or take them out."""


@quarantine.command("list")
@click.option(
    "--state",
    "states",
    multiple=True,
    type=click.Choice(sorted(state.value for state in AT_DESK)),
    help="Only in this state; repeat for more. Without it all but released ones.",
)
@click.option("--owner", metavar="EMAIL", help="Only this user's.")
@click.option("--text", help="Only with this in the name, or with this SHA-256.")
@click.option(
    "--limit",
    default=50,
    show_default=True,
    type=click.IntRange(1, 10_000),
    help="How many.",
)
@_json
@_with_desk
def list_files(
    desk: QuarantineDesk,
    accounts: Accounts,
    states: tuple[str, ...],
    owner: str | None,
    text: str | None,
    limit: int,
    as_json: bool,
) -> None:
    """List refused files, newest first."""
    if owner is not None:
        owner = accounts.user(owner).id
    chosen = DeskFilter({State(one) for one in states} or WAITING_AT_DESK, owner, text)
    found, more = _some(desk, chosen, limit)
    if as_json:
        show_json([case_json(one, clock.now()) for one in found])
    else:
        for one in found:
            click.echo(_line(one))
    if more:
        say(f"There are more than these {limit}: see --limit.")


def _some(desk: QuarantineDesk, chosen: DeskFilter, limit: int) -> tuple[list[Case], bool]:
    """As many as are wanted, and whether there are more."""
    found: list[Case] = []
    cursor: str | None = None
    while len(found) < limit:
        page, cursor = desk.list(_LOOKING, chosen, min(_PAGE, limit - len(found)), cursor)
        found += page
        if cursor is None:
            break
    return found, cursor is not None


def _line(case: Case) -> str:
    document, standing = case.document, case.release_state(clock.now())
    owner = case.emails[document.owner_id]
    asked = f"  release {standing.value}" if standing else ""
    name = escaped(document.name)
    return f"{document.id}  {document.state.value}  {owner}  {document.size:,} bytes  {name}{asked}"


@quarantine.command()
@_document
@_json
@_with_desk
def show(desk: QuarantineDesk, _accounts: Accounts, document_id: str, as_json: bool) -> None:
    """Show all that is known of the file ID: verdicts, first bytes, members of an archive."""
    found = detail_json(desk.look(_LOOKING, document_id), clock.now())
    if as_json:
        show_json(found)
        return
    for line in _told(found):
        click.echo(line)


@quarantine.command()
@_document
@_acting
@click.option("--sha256", required=True, metavar="HEX", help="The file that is meant.")
@click.option("--reason", required=True, help="Why, for the audit trail.")
@_json
@_with_desk
def release(
    desk: QuarantineDesk,
    accounts: Accounts,
    document_id: str,
    email: str,
    sha256: str,
    reason: str,
    as_json: bool,
) -> None:
    """Ask for the file ID to be handed out, or confirm what another administrator asked for."""
    actor = accounts.administrator(email)
    case = desk.release(actor, document_id, sha256.lower(), reason)
    if as_json:
        show_json(case_json(case, clock.now()))
    elif case.release is not None and case.release.confirmed_by is None:
        ends = case.release.ends_at.strftime("%Y-%m-%d")
        say(f"Asked for. Another administrator has to confirm it before {ends}.")
    else:
        say("Confirmed. A worker releases the file now.")


@quarantine.command()
@_document
@_acting
@_with_desk
def delete(desk: QuarantineDesk, accounts: Accounts, document_id: str, email: str) -> None:
    """Delete the file ID; its bytes go within the grace time."""
    desk.delete(accounts.administrator(email), document_id)
    say(f"Deleted {document_id}.")


@quarantine.command()
@_document
@_acting
@click.option(
    "-o",
    "--output",
    "target",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where the ZIP is written; nothing is overwritten.",
)
@_with_desk
def sample(
    desk: QuarantineDesk, accounts: Accounts, document_id: str, email: str, target: Path
) -> None:
    """Take the file ID out as an encrypted ZIP; its password is `infected`."""
    actor = accounts.administrator(email)
    taken = desk.sample(actor, document_id)
    with _new(target) as file, desk.open(actor, taken) as pieces:
        for piece in pieces:
            file.write(piece)
    say(f"Wrote {target}, with the password {PASSWORD}.")


@contextmanager
def _new(target: Path) -> Iterator[BinaryIO]:
    """A new file for this user alone, whole or not at all."""
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
    except BaseException:
        target.unlink()
        raise


def _told(found: dict[str, Any]) -> Iterator[str]:
    """One file for people."""
    owner = found["owner"]
    yield f"{found['id']}  {found['state']}  {escaped(found['name'])}"
    yield f"owner    {owner['email']} ({owner['id']})"
    yield f"size     {found['size']:,} bytes, {found['type']}"
    yield f"sha256   {found['sha256'] or 'never known'}"
    yield f"came     {found['created_at']}"
    if found["kept_until"] is not None:
        yield f"goes     {found['kept_until']}, when its time at the desk is over"
    if found["release"] is not None:
        yield from _told_release(found["release"])
    for verdict in found["verdicts"]:
        reason = f", {verdict['reason']}" if verdict["reason"] else ""
        yield f"verdict  {verdict['inspected_at']}  {verdict['outcome']}{reason}"
        for engine in verdict["engines"]:
            words = [engine["version"], engine["signatures"], engine["finding"], engine["reason"]]
            said = "  ".join(escaped(word) for word in words if word)
            yield f"         {engine['name']}  {engine['outcome']}  {said}".rstrip()
    yield from _dumped(bytes.fromhex(found["head"] or ""))
    if found["members"] is not None:
        yield from _told_members(found["members"])


def _told_release(release: dict[str, Any]) -> Iterator[str]:
    yield f"release  {release['state']}"
    for verb in ("asked", "confirmed"):
        if release[f"{verb}_by"] is not None:
            who, at = release[f"{verb}_by"]["email"], release[f"{verb}_at"]
            yield f"         {verb} by {who} at {at}: {release[f'{verb}_reason']}"


def _dumped(head: bytes) -> Iterator[str]:
    """Bytes in numbers, and those that are plain letters beside them."""
    if not head:
        yield "bytes    none are kept"
    for at in range(0, len(head), _A_LINE):
        row = head[at : at + _A_LINE]
        text = "".join(chr(one) if 0x20 <= one < 0x7F else "." for one in row)
        yield f"{at:04x}     {row.hex(' '):<{_A_LINE * 3 - 1}}  {text}"


def _told_members(members: dict[str, Any]) -> Iterator[str]:
    yield f"members  {members['count']:,}, {len(members['items']):,} shown, as the archive says"
    for one in members["items"]:
        size = "?" if one["size"] is None else f"{one['size']:,}"
        yield f"         {size} bytes  {one['name']}{'  encrypted' if one['encrypted'] else ''}"
