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

from uploads_client import __version__, actions, standard, stopping
from uploads_client.client import Client
from uploads_client.errors import UploadsError
from uploads_client.progress import Terminal
from uploads_client.receipts import LocalTrouble, Receipt, plain
from uploads_client.retrying import Retries

NOT_CLEAN = 1
_ID = "as a receipt, or the list, tells it"
_ENDS = (
    "Exit codes: 0 all done and clean, 1 something was refused or is not clean, 2 wrong usage or a"
    " local file that cannot be read or written, 3 no answer or not in time, 130 stopped by Ctrl-C,"
    " 143 by SIGTERM, 129 by the end of its terminal (SIGHUP)."
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code. argparse ends with 2 by itself."""
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
        return _refused(LocalTrouble.of(error), asked)


def parser() -> argparse.ArgumentParser:
    """What can be said to it; the common options stand before or after the verb."""
    common = _common()
    top = argparse.ArgumentParser(
        prog="uploads-client",
        description="Sends files to Uploads, waits for their verdicts, fetches and removes them.",
        epilog=_ENDS,
        parents=[common],
    )
    top.add_argument("--version", "-V", action="version", version=f"%(prog)s {__version__}")
    verbs = top.add_subparsers(dest="verb", required=True, metavar="COMMAND")

    def verb(name: str, words: str) -> argparse.ArgumentParser:
        return verbs.add_parser(name, help=words, description=words, parents=[common], epilog=_ENDS)

    up = verb("upload", "Send files and print a receipt for each.")
    _about_sending(up)
    waiting = verb("wait", "Wait for verdicts and print a receipt for each document.")
    waiting.add_argument("ids", nargs="+", metavar="ID", help=_ID)
    for one in (up, waiting):
        words = "how long to wait for each verdict (300)"
        one.add_argument(
            *("--timeout", "-t"), type=_seconds, default=300.0, metavar="SECONDS", help=words
        )
    _about_getting(verb("get", "Fetch a clean document; the file appears whole and checked."))
    ls = verb("ls", "List documents, newest first.")
    ls.add_argument("--state", action="append", default=[], help="only in this state (repeatable)")
    ls.add_argument("--type", metavar="MEDIA/TYPE", help="only of this media type")
    ls.add_argument("--search", metavar="TEXT", help="only with this in their name")
    verb("rm", "Delete documents.").add_argument("ids", nargs="+", metavar="ID", help=_ID)
    return top


def _about_sending(up: argparse.ArgumentParser) -> None:
    up.add_argument("files", nargs="+", metavar="FILE", help="a file, or - for standard input")
    up.add_argument("--name", help="the name to send it under (of one file)")
    up.add_argument("--type", metavar="MEDIA/TYPE", help="the media type (else by the extension)")
    up.add_argument(
        "--method",
        choices=("auto", "stream", "put", "multipart"),
        default="auto",
        help="through the service (stream), straight into its store by one signed URL (put) or in"
        " parts (multipart), or as the size suggests (auto, which is usual)",
    )
    up.add_argument("--no-wait", action="store_true", help="do not wait for the verdicts")


def _about_getting(get: argparse.ArgumentParser) -> None:
    get.add_argument("id", metavar="ID", help=_ID)
    get.add_argument(
        *("--output", "-o"),
        default=".",
        metavar="PATH",
        help="file, folder (this one, if nothing is said), or - for standard output",
    )
    get.add_argument("--force", "-f", action="store_true", help="replace a file that is there")


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
    common.add_argument("--quiet", "-q", action="store_true", help="show no progress")
    return common


def _run(asked: argparse.Namespace, environment: Mapping[str, str]) -> int:
    url = getattr(asked, "url", None) or environment.get("UPLOADS_URL")
    key = _key(asked, environment)
    if not url or not key:
        raise ValueError(
            "Say where the service is and who you are: set UPLOADS_URL and UPLOADS_KEY in the"
            " environment, or give --url and --key-file."
        )
    asked.json = getattr(asked, "json", False)
    asked.terminal = Terminal(not asked.json and not getattr(asked, "quiet", False))
    with Client(url, key, retries=Retries(), waiting=asked.terminal.waits) as client:
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
    return _fail(str(error), code)


def _fail(words: str, code: int) -> int:
    standard.complain(f"uploads-client: {plain(words)}")
    return code
