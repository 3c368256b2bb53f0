"""The command `uploads-client`: its words, and what its exit code says.

0 everything was done and is clean · 1 something was refused or is not clean · 2 wrong usage, or a
local file that cannot be read or written · 3 no answer, or not in time · 130 stopped by Ctrl-C ·
143 by SIGTERM · 129 by the end of its terminal.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from uploads_client import actions, standard, stopping
from uploads_client.client import Client
from uploads_client.errors import UploadsError
from uploads_client.receipts import LocalTrouble, Receipt, plain
from uploads_client.retrying import Retries

NOT_CLEAN, USAGE = 1, 2
_ENDS = (
    "Exit codes: 0 all done and clean, 1 something was refused or is not clean, 2 wrong usage or a"
    " local file that cannot be read or written, 3 no answer or not in time, 130 stopped by Ctrl-C,"
    " 143 by SIGTERM, 129 by the end of its terminal (SIGHUP)."
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code. argparse ends with 2 by itself."""
    if not standard.ready():
        return USAGE
    asked: argparse.Namespace | None = None
    try:
        with stopping.heard():
            asked = parser().parse_args(argv)
            return _run(asked, os.environ)
    except stopping.Stop as stop:
        return _fail("stopped.", stop.exit_code)
    except BrokenPipeError:
        # Whoever read our output has seen enough; nothing more may be written at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return NOT_CLEAN
    except UploadsError as error:
        return _refused(error, asked)
    except (ValueError, OSError) as error:
        return _refused(LocalTrouble(str(error)), asked)


def parser() -> argparse.ArgumentParser:
    """What can be said to it; the common options stand before or after the verb."""
    common = _common()
    top = argparse.ArgumentParser(
        prog="uploads-client",
        description="Sends files to Uploads, waits for their verdicts, fetches and removes them.",
        epilog=_ENDS,
        parents=[common],
    )
    verbs = top.add_subparsers(dest="verb", required=True, metavar="COMMAND")

    def verb(name: str, words: str) -> argparse.ArgumentParser:
        return verbs.add_parser(name, help=words, description=words, parents=[common], epilog=_ENDS)

    up = verb("upload", "Send files and print a receipt for each.")
    up.add_argument("files", nargs="+", metavar="FILE", help="a file, or - for standard input")
    up.add_argument("--name", help="the name to send it under (for one file)")
    up.add_argument("--type", help="the media type (else by the extension)")
    up.add_argument(
        "--method", choices=("auto", "stream", "put", "multipart"), default="auto", help="the way"
    )
    up.add_argument("--no-wait", action="store_true", help="do not wait for the verdicts")
    waiting = verb("wait", "Wait for verdicts and print a receipt for each document.")
    waiting.add_argument("ids", nargs="+", metavar="ID")
    for one in (up, waiting):
        one.add_argument(
            *("--timeout", "-t"), type=_seconds, default=300.0, help="seconds for each (300)"
        )
    get = verb("get", "Fetch a clean document; the file appears whole and checked.")
    get.add_argument("id", metavar="ID")
    get.add_argument("--output", "-o", default=".", help="file, folder, or - for standard output")
    get.add_argument("--force", "-f", action="store_true", help="replace a file that is there")
    ls = verb("ls", "List documents, newest first.")
    ls.add_argument("--state", action="append", default=[], help="only in this state (repeatable)")
    ls.add_argument("--type", help="only of this media type")
    ls.add_argument("--search", help="only with this in their name")
    verb("rm", "Delete documents.").add_argument("ids", nargs="+", metavar="ID")
    return top


def _common() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS)
    common.add_argument("--url", help="address of the service (else UPLOADS_URL)")
    common.add_argument(
        "--key",
        help="the API key (better: UPLOADS_KEY or --key-file; what stands on a command line is"
        " seen by everybody who can list processes)",
    )
    common.add_argument("--key-file", metavar="FILE", help="a file with the API key")
    common.add_argument("--json", action="store_true", help="print one JSON object a line")
    common.add_argument("--quiet", "-q", action="store_true", help="no progress bar")
    return common


def _run(asked: argparse.Namespace, environment: Mapping[str, str]) -> int:
    url = getattr(asked, "url", None) or environment.get("UPLOADS_URL")
    key = _key(asked, environment)
    if not url or not key:
        raise ValueError(
            "Say where the service is and who you are: set UPLOADS_URL and UPLOADS_KEY in the"
            " environment, or give --url and --key-file."
        )
    asked.json, asked.quiet = getattr(asked, "json", False), getattr(asked, "quiet", False)
    with Client(url, key, retries=Retries()) as client:
        code = actions.VERBS[asked.verb](client, asked)
        sys.stdout.flush()
        return code


def _key(asked: argparse.Namespace, environment: Mapping[str, str]) -> str | None:
    if hasattr(asked, "key"):
        return str(asked.key)
    if hasattr(asked, "key_file"):
        return Path(asked.key_file).read_text().strip()
    return environment.get("UPLOADS_KEY")


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1e9:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds.")
    return value


def _refused(error: UploadsError, asked: argparse.Namespace | None) -> int:
    """What ends the whole command. Standard output may be what is in the way."""
    told = Receipt(None, error=error)
    code = told.code(unsettled_is_fine=False)
    if getattr(asked, "json", False):
        standard.complain(told.as_json())
        return code
    return _fail(error.detail if isinstance(error, LocalTrouble) else str(error), code)


def _fail(words: str, code: int) -> int:
    standard.complain(f"uploads-client: {plain(words)}")
    return code
