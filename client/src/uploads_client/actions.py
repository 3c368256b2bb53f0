"""What each verb of the command does. Returns the exit code."""

from __future__ import annotations

import argparse
import stat
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TextIO

from uploads_client.answers import Document
from uploads_client.client import Client
from uploads_client.downloads import destination
from uploads_client.errors import DigestMismatch, NotDone, NotReachable, UploadsError
from uploads_client.receipts import LocalTrouble, Receipt, gone, line, show

_Made = Callable[[], Document]
# By the place of their files on the command line.
_Receipts = dict[int, Receipt]


def upload(client: Client, asked: argparse.Namespace) -> int:
    """Send all, then wait for all: the first ones are inspected while the last ones go up."""
    if asked.name and len(asked.files) > 1:
        raise ValueError("--name is for one file.")
    if "-" in asked.files and not asked.name:
        raise ValueError("Standard input has no name: give it one with --name.")
    if "-" in asked.files and sys.stdin is None:
        raise ValueError("Standard input is closed: there is nothing to send.")
    troubles = [_trouble(partial(_readable, file)) for file in asked.files]
    if any(troubles):
        other = NotDone("Nothing was sent, because another file cannot be.")
        pairs = zip(asked.files, troubles, strict=True)
        return show([Receipt(file, error=one or other) for file, one in pairs], asked.json)
    receipts: _Receipts = {}
    send = _together if len(asked.files) > 1 and asked.method == "auto" else _in_turn
    try:
        send(client, asked, receipts)
        if not asked.no_wait:
            for place, one in sorted(receipts.items()):
                receipts[place] = _waited(client, asked, one)
    finally:
        # Also after Ctrl-C: what was sent is there, and its id is all that leads to it. What is
        # not settled is no failure where nobody wanted to wait for it.
        other = NotDone("Not sent, or stopped before an answer came.")
        all_ = [receipts.get(n, Receipt(file, error=other)) for n, file in enumerate(asked.files)]
        code = show(all_, asked.json, unsettled_is_fine=asked.no_wait)
    return code


def _in_turn(client: Client, asked: argparse.Namespace, receipts: _Receipts) -> None:
    for place, file in enumerate(asked.files):
        receipts[place] = _told(file, partial(_send, client, asked, file))
        if isinstance(receipts[place].error, NotReachable):
            return


def _together(client: Client, asked: argparse.Namespace, receipts: _Receipts) -> None:
    """Likewise, several at a time; the receipts are those of all that have ended by then."""
    paths = [Path(file) for file in asked.files]
    with asked.terminal.bar(f"{len(paths)} files") as shown:
        sending = client.upload_all(paths, type=asked.type, progress=shown)
        try:
            with sending:
                for count, _ in enumerate(sending, 1):
                    if shown:
                        shown.name(f"{count} of {len(paths)} files")
        finally:
            for sent in sending.ended:
                error = None if sent.error is None else _of(sent.error)
                receipts[sent.place] = Receipt(asked.files[sent.place], sent.document, error)


def _readable(file: str) -> None:
    """Raises OSError or ValueError for a file that cannot be sent, before anything is."""
    if file != "-" and not stat.S_ISFIFO(Path(file).stat().st_mode):
        with Path(file).open("rb"):
            pass


def _send(client: Client, asked: argparse.Namespace, file: str) -> Document:
    content = sys.stdin.buffer if file == "-" else Path(file)
    with asked.terminal.bar(asked.name or Path(file).name) as shown:
        return client.upload(
            content,
            name=asked.name,
            type=asked.type,
            progress=shown,
            reading=shown and shown.reading,
            method=asked.method,
        )


def wait(client: Client, asked: argparse.Namespace) -> int:
    """Wait for each in turn: all are inspected meanwhile. Each is told when it is known."""
    code, told = 0, 0
    try:
        for one in asked.ids:
            with asked.terminal.awaiting(one):
                receipt = _told(one, partial(client.wait, one, asked.timeout))
            code = max(code, show([receipt], asked.json))
            told += 1
            if isinstance(receipt.error, NotReachable):
                break
    finally:
        _not_done(asked.ids[told:], asked.json)
    return code


def get(client: Client, asked: argparse.Namespace) -> int:
    """Fetch one; the receipt goes to where the bytes do not."""
    told = sys.stderr if asked.output == "-" else None
    try:
        found = _fetched(client, asked)
    except KeyboardInterrupt:
        _not_done([asked.id], asked.json, to=told)
        raise
    except BrokenPipeError:
        # Of standard output, which is the command's to close.
        raise
    except (UploadsError, OSError, ValueError) as error:
        if not asked.json:
            raise
        refused = Receipt(asked.id, error=_of(error))
        return show([refused], True, to=told)
    if asked.output == "-":
        return 0
    return show([Receipt(str(destination(asked.output, found)), found)], asked.json)


def _fetched(client: Client, asked: argparse.Namespace) -> Document:
    with asked.terminal.bar(asked.id) as progress:
        if asked.output != "-":
            return client.download(asked.id, asked.output, overwrite=asked.force, progress=progress)
        found = client.download(asked.id, sys.stdout.buffer, progress=progress)
        sys.stdout.buffer.flush()
        return found


def ls(client: Client, asked: argparse.Namespace) -> int:
    """A line for each document."""
    for document in client.list(state=asked.state, type=asked.type, q=asked.search):
        print(Receipt(None, document).as_json() if asked.json else line(document))
    return 0


def rm(client: Client, asked: argparse.Namespace) -> int:
    """Delete each; one that is not there does not save the others."""
    code, told = 0, 0
    try:
        for one in asked.ids:
            error = _trouble(partial(client.delete, one))
            if error is not None:
                code = max(code, show([Receipt(one, error=error)], asked.json))
            elif asked.json:
                print(gone(one))
            told += 1
            if isinstance(error, NotReachable):
                break
    finally:
        _not_done(asked.ids[told:], asked.json)
    return code


def _not_done(ids: Sequence[str], as_json: bool, to: TextIO | None = None) -> None:
    """Tell programs of those whose turn never came, or who were given up in the middle."""
    if as_json:
        other = NotDone("Not done: the service did not answer, or the command was stopped.")
        show([Receipt(one, error=other) for one in ids], True, to=to)


def _told(file: str, made: _Made) -> Receipt:
    try:
        return Receipt(file, made())
    except (UploadsError, OSError, ValueError) as error:
        return Receipt(file, error=_of(error))


def _trouble(act: Callable[[], None]) -> UploadsError | None:
    """What goes wrong when this is done."""
    try:
        act()
    except (UploadsError, OSError, ValueError) as error:
        return _of(error)
    return None


def _of(error: UploadsError | OSError | ValueError) -> UploadsError:
    return error if isinstance(error, UploadsError) else LocalTrouble.of(error)


def _waited(client: Client, asked: argparse.Namespace, receipt: Receipt) -> Receipt:
    document = receipt.document
    if document is None:
        return receipt
    try:
        with asked.terminal.awaiting(document.name or document.id):
            return Receipt(receipt.file, client.wait(document, asked.timeout))
    except DigestMismatch as error:
        return Receipt(receipt.file, _now(client, document), error)
    except UploadsError as error:
        # It is there all the same: the receipt keeps its id.
        return Receipt(receipt.file, document, error)


def _now(client: Client, document: Document) -> Document:
    """The same after its inspection, or as it was known where that cannot be had."""
    try:
        return client.get(document.id)
    except UploadsError:
        return document


VERBS: Mapping[str, Callable[[Client, argparse.Namespace], int]] = {
    "upload": upload,
    "wait": wait,
    "get": get,
    "ls": ls,
    "rm": rm,
}
