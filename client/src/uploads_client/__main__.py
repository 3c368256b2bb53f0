"""The first step of the command, for `uploads-client` and `python -m uploads_client` alike.

It hears Ctrl-C before the rest of it is loaded, which takes a fifth of a second.
"""

import sys

from uploads_client import standard, stopping

_USAGE = 2


def main() -> int:
    """Run the command and return its exit code."""
    if not standard.ready():
        return _USAGE
    try:
        with stopping.heard():
            from uploads_client import command

            return command.main()
    except stopping.Stop as stop:
        standard.complain("uploads-client: stopped.")
        return stop.exit_code


if __name__ == "__main__":
    sys.exit(main())
