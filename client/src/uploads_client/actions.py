"""What each verb of the command does. Returns the exit code."""

from __future__ import annotations

import argparse
import stat
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from uploads_client.answers import Document
from uploads_client.client import Client
from uploads_client.errors import NotReachable, UploadsError
from uploads_client.progress import bar
from uploads_client.receipts import LocalTrouble, Receipt, line, show

_Made = Callable[[], Document]


def upload(client: Client, asked: argparse.Namespace) -> int:
    """Send all, then wait for all: the first ones are inspected while the last ones go up."""
    if asked.name and len(asked.files) > 1:
        raise ValueError("--name is for one file.")
    if "-" in asked.files and not asked.name:
        raise ValueError("Standard input has no name: give it one with --name.")
    for file in asked.files:
        _readable(file)
    receipts: list[Receipt] = []
    try:
        for file in asked.files:
            receipts.append(_told(file, partial(_send, client, asked, file)))
            if isinstance(receipts[-1].error, NotReachable):
                break
        if not asked.no_wait:
            for place, one in enumerate(receipts):
                receipts[place] = _waited(client, asked, one)
    finally:
        # Also after Ctrl-C: what was sent is there, and its id is all that leads to it. What is
        # not settled is no failure where nobody wanted to wait for it.
        code = show(receipts, asked.json, unsettled_is_fine=asked.no_wait)
    unsent = asked.files[len(receipts) :]
    if unsent:
        print("uploads-client: not sent: " + ", ".join(map(line, unsent)), file=sys.stderr)
    return code


def _readable(file: str) -> None:
    """Raises OSError or ValueError for a file that cannot be sent, before anything is."""
    if file != "-" and not stat.S_ISFIFO(Path(file).stat().st_mode):
        with Path(file).open("rb"):
            pass


def _send(client: Client, asked: argparse.Namespace, file: str) -> Document:
    content = sys.stdin.buffer if file == "-" else Path(file)
    with bar(asked.name or Path(file).name, not (asked.quiet or asked.json)) as progress:
        return client.upload(
            content, name=asked.name, type=asked.type, progress=progress, method=asked.method
        )


def wait(client: Client, asked: argparse.Namespace) -> int:
    """Wait for each in turn: all are inspected meanwhile."""
    receipts = [_told(one, partial(client.wait, one, asked.timeout)) for one in asked.ids]
    return show(receipts, asked.json)


def get(client: Client, asked: argparse.Namespace) -> int:
    """Fetch one; the receipt goes to where the bytes do not."""
    with bar(asked.id, not (asked.quiet or asked.json)) as progress:
        if asked.output == "-":
            client.download(asked.id, sys.stdout.buffer, progress=progress)
            sys.stdout.buffer.flush()
            return 0
        found = client.download(asked.id, asked.output, overwrite=asked.force, progress=progress)
    return show([Receipt(asked.output, found)], asked.json)


def ls(client: Client, asked: argparse.Namespace) -> int:
    """A line for each document."""
    for document in client.list(state=asked.state, type=asked.type, q=asked.search):
        print(Receipt(None, document).as_json() if asked.json else line(document))
    return 0


def rm(client: Client, asked: argparse.Namespace) -> int:
    """Delete each; one that is not there does not save the others."""
    code = 0
    for one in asked.ids:
        try:
            client.delete(one)
        except NotReachable:
            raise
        except UploadsError as error:
            code = show([Receipt(one, error=error)], asked.json)
    return code


def _told(file: str, made: _Made) -> Receipt:
    try:
        return Receipt(file, made())
    except UploadsError as error:
        return Receipt(file, error=error)
    except (OSError, ValueError) as error:
        return Receipt(file, error=LocalTrouble(str(error)))


def _waited(client: Client, asked: argparse.Namespace, receipt: Receipt) -> Receipt:
    document = receipt.document
    if document is None:
        return receipt
    try:
        return Receipt(receipt.file, client.wait(document, asked.timeout))
    except UploadsError as error:
        # It is there all the same: the receipt keeps its id.
        return Receipt(receipt.file, document, error)


VERBS: Mapping[str, Callable[[Client, argparse.Namespace], int]] = {
    "upload": upload,
    "wait": wait,
    "get": get,
    "ls": ls,
    "rm": rm,
}
