"""What is answered for many files at once: of each what became of it, or why nothing did."""

from __future__ import annotations

from pydantic import ConfigDict

from uploads.openapi.problems import Problem
from uploads.openapi.shapes import Document, PutUpload, Shape


class AnyProblem(Problem):
    """A refusal of this file alone; its code's further members stand beside these."""

    model_config = ConfigDict(extra="allow")


class GrantedFile(Shape):
    """A file that may be put into the store."""

    upload: PutUpload


class UngrantedFile(Shape):
    """A file that was refused, alone of all that were asked for."""

    problem: AnyProblem


class CompletedFile(Shape):
    """A file that is a document now."""

    document: Document


class GrantedFiles(Shape):
    """One item for each file, in the order in which they were asked for."""

    items: list[GrantedFile | UngrantedFile]


class CompletedFiles(Shape):
    """One item for each upload, in the order in which they were named."""

    items: list[CompletedFile | UngrantedFile]
