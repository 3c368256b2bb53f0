"""Documents inside of archives, documents and PDFs: held to what holds for one that comes alone.

By what they are and not by their names. Programs, scripts and all else that is no document are the
engines' matter.
"""

from __future__ import annotations

import io
from typing import BinaryIO

from uploads.documents.readers.limits import Budget, Limits, Refusal, Steps
from uploads.documents.readers.packages import OOXML
from uploads.documents.readers.ziptable import read_table
from workers.inspection.checks.biff import check_biff
from workers.inspection.checks.office import check_inner_office
from workers.inspection.checks.ole import check_ole
from workers.inspection.checks.opendocument import check_inner_opendocument
from workers.inspection.checks.pdf import check_pdf
from workers.inspection.checks.rtf import check_rtf
from workers.inspection.checks.tables import check_table


def check_nested(kind: str, file: BinaryIO, limits: Limits, steps: Steps) -> None:
    """Check a file of a kind that the walk told; of others nothing is said. Raises: Refusal.

    `steps` are those of all that is in one file.
    """
    if kind in ("zip", "led zip"):
        check_package(file, Budget(limits, steps=steps), led=kind == "led zip")
    elif kind == "pdf":
        check_pdf(file, Budget(limits, steps=steps))
    elif kind == "rtf":
        check_rtf(file, Budget(limits, steps=steps))
    elif kind == "ole":
        check_ole(file)
    elif kind == "activemime":
        raise Refusal("active-content", "ole: macros in a page")
    elif kind == "csv":
        check_table(file, "text/csv", limits)
    elif kind == "biff":
        file.seek(0)
        check_biff(file.read(), bare=True)


def check_second(file: BinaryIO, media_type: str, limits: Limits) -> None:
    """Check a document of one family where it is one of the other as well. Raises: Refusal.

    Which of them a program opens is its own choice: some go by the name, others by the members.
    """
    budget = Budget(limits, steps=Steps.of_packed(file.seek(0, io.SEEK_END)))
    entries = read_table(file, budget)
    other = check_inner_opendocument if media_type.startswith(OOXML) else check_inner_office
    other(file, entries, budget)


def check_package(file: BinaryIO, budget: Budget, *, led: bool = False) -> None:
    """Check a ZIP where it is a document. `led`: other bytes precede it. Raises: Refusal."""
    entries = read_table(file, budget, led=led)
    check_inner_office(file, entries, budget)
    check_inner_opendocument(file, entries, budget)
