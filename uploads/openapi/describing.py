"""What a view says of itself: what it takes and gives. Only kept, never looked at in a request.

Its docstring is the summary and the description. What follows from the rest is not said again: who
may not ask, what a body or a repeated key can be refused for, stands in `operations`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import BaseModel

from uploads.documents.errors import UploadsError
from uploads.documents.model import Scope
from uploads.openapi.parameters import Parameter

V = TypeVar("V", bound=Callable[..., Any])
_KEPT = "uploads_openapi"


@dataclass(frozen=True, slots=True)
class Content:
    """A body that is no JSON of a model: its schema and, where it helps, an example."""

    media_type: str
    schema: Mapping[str, Any] = field(default_factory=dict)
    example: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer that is no problem. `headers` are names in `headers.HEADERS`, all of them sent."""

    status: int
    says: str
    gives: type[BaseModel] | Content | None = None
    headers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Description:
    """All that a view says. Any caller may ask where there are no `scopes`, else who has all of
    them; anybody where it is `public`.

    `takes` are the forms of its body, of which one is sent; `optional` that there may be none.
    `problems` are those of the view itself.
    """

    name: str
    answers: tuple[Answer, ...]
    takes: tuple[type[BaseModel] | Content, ...] = ()
    optional: bool = False
    parameters: tuple[Parameter, ...] = ()
    problems: tuple[type[UploadsError], ...] = ()
    scopes: tuple[Scope, ...] = ()
    public: bool = False


def described(
    name: str, *answers: Answer, scope: Scope | None = None, **more: Any
) -> Callable[[V], V]:
    """Keep a `Description` with a view. It stands above what wraps the view.

    `scope` is short for `scopes` of one.
    """
    if scope is not None:
        more["scopes"] = (scope,)
    description = Description(name, answers, **more)

    def keep(view: V) -> V:
        view.__dict__[_KEPT] = description
        return view

    return keep


def description_of(view: Callable[..., Any]) -> Description | None:
    """What a view says of itself, where it says anything."""
    return view.__dict__.get(_KEPT)
