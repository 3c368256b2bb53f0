"""Importing the service as an image has it: only the packages of one lock file can be found.

Run by tests in a process of its own: `python -m tests.support.few_packages LOCK MODULE…`. Prints
the distributions that the lock does not have and that were looked for.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from importlib import import_module, metadata
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType


def locked(lock: Path) -> set[str]:
    """The distributions of a lock file, in the form that names are compared in (PEP 503)."""
    return set(re.findall(r"^([a-z0-9][a-z0-9._-]*)==", lock.read_text(), re.M))


class Absent(MetaPathFinder):
    """Finds nothing of distributions that are not allowed, and remembers who was asked for."""

    def __init__(self, allowed: set[str]) -> None:
        self.missed: set[str] = set()
        self._owners = {
            module: {re.sub(r"[-_.]+", "-", name).lower() for name in names}
            for module, names in metadata.packages_distributions().items()
        }
        self._allowed = allowed | {"uploads"}

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        owners = self._owners.get(fullname.partition(".")[0])
        if owners and not owners & self._allowed:
            self.missed |= owners
            raise ModuleNotFoundError(f"{fullname} is not in the image", name=fullname)
        return None


def main() -> int:
    lock, *modules = sys.argv[1:]
    absent = Absent(locked(Path(lock)))
    sys.meta_path.insert(0, absent)
    for module in modules:
        import_module(module)
    sys.stdout.write("\n".join(sorted(absent.missed)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
