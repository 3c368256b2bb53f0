"""One operation of the document, out of what its view says and what follows from that."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Literal

from pydantic import BaseModel
from werkzeug.routing import Rule

from uploads.documents import errors
from uploads.documents.errors import UploadsError
from uploads.errors import STATUS
from uploads.idempotency import repeatable
from uploads.openapi import headers
from uploads.openapi.describing import Answer, Content, Description
from uploads.openapi.parameters import IDEMPOTENCY_KEY, PATH, Parameter
from uploads.openapi.problems import MEDIA_TYPE, PROBLEMS

_ALWAYS = (
    errors.Malformed,
    errors.Misdirected,
    errors.UnsupportedMediaType,  # a coded body, also where none is read
    errors.RateLimited,
    errors.HeadersTooLarge,
    UploadsError,
    errors.Unavailable,
)
_REPEATED = (errors.Malformed, errors.StillRunning, errors.IdempotencyMismatch)
_READ = (errors.BodyTooLarge, errors.Invalid)
_API = "/api/"
_SHOWN = {"text/html": {"schema": {"type": "string"}}, "text/plain": {"schema": {"type": "string"}}}
_TIMED = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})


@dataclass(frozen=True, slots=True)
class Operation:
    """A route's method with its view."""

    rule: Rule
    method: str
    view: Callable[..., Any]
    says: Description

    @property
    def path(self) -> str:
        """The route's address as a template (no rule here has a converter)."""
        return self.rule.rule.replace("<", "{").replace(">", "}")

    @property
    def tag(self) -> str:
        """The noun that it belongs to: the name of its module."""
        return self.view.__module__.rpartition(".")[2]

    @property
    def _unsafe(self) -> bool:
        return self.method not in {"GET", "HEAD"}

    @property
    def _said_as(self) -> Literal["problem", "shown", "headers"]:
        if self.method == "HEAD":
            return "headers"
        return "problem" if self.path.startswith(_API) else "shown"

    def as_openapi(self) -> dict[str, Any]:
        """The Operation Object. Models are named; the document has them among its components."""
        summary, _, description = inspect.cleandoc(self.view.__doc__ or "").partition("\n\n")
        found: dict[str, Any] = {
            "operationId": self.says.name,
            "tags": [self.tag],
            "summary": " ".join(summary.split()),
            "parameters": [one.key for one in self.parameters()],
            "responses": self._answers(),
            "security": self._security(),
        }
        if description:
            found["description"] = " ".join(description.split())
        if self.says.takes:
            found["requestBody"] = {
                "required": not self.says.optional,
                "content": dict(_content(one) for one in self.says.takes),
            }
        return found

    def models(self) -> list[type[BaseModel]]:
        """The models that it names, but problems."""
        named = [*self.says.takes, *(answer.gives for answer in self.says.answers)]
        return [one for one in named if isinstance(one, type)]

    def parameters(self) -> Iterable[Parameter]:
        """What is asked in its address and its headers."""
        yield from (PATH[name] for name in re.findall("<([a-z_]+)>", self.rule.rule))
        yield from self.says.parameters
        if repeatable(self.view):
            yield IDEMPOTENCY_KEY

    def _security(self) -> list[dict[str, list[str]]]:
        if self.says.public:
            return []
        scopes = [scope.value for scope in self.says.scopes]
        session: dict[str, list[str]] = {"session": []}
        return [{"key": scopes}, {**session, "csrf": []} if self._unsafe else session]

    def problems(self) -> list[type[UploadsError]]:
        """All that it may be refused for."""
        found = [*_ALWAYS, *self.says.problems]
        if not self.says.public:
            found.append(errors.Unauthenticated)
        if self.says.scopes:
            found.append(errors.Forbidden)
        if self._unsafe and not self.says.public:
            found.append(errors.CsrfRefused)
        if self.rule.arguments:
            found.append(errors.NotFound)
        if self.says.takes:
            found += _READ
        if not self.says.public:
            found.append(errors.Invalid)
        if repeatable(self.view):
            found += _REPEATED
        return found

    def _answers(self) -> dict[str, Any]:
        found: dict[str, Any] = {
            str(status): refusal.name for status, refusal in self.refusals().items()
        }
        found.update((str(answer.status), self._answer(answer)) for answer in self.says.answers)
        return dict(sorted(found.items()))

    def _answer(self, answer: Answer) -> dict[str, Any]:
        replayed = [headers.REPLAYED] if repeatable(self.view) else []
        names = [*headers.ALWAYS, *answer.headers, *replayed]
        found: dict[str, Any] = {
            "description": answer.says,
            "headers": {name: name for name in names},
        }
        if answer.gives is not None:
            found["content"] = dict([_content(answer.gives)])
        return found

    def refusals(self) -> dict[int, Refusal]:
        """The problems by their status: those with the same one share an answer."""
        by_status: dict[int, set[str]] = {}
        for kind in self.problems():
            by_status.setdefault(STATUS[kind.code], set()).add(kind.code)
        return {
            status: Refusal(status, tuple(sorted(codes)), self._said_as)
            for status, codes in by_status.items()
        }


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer that is a problem, with one of these codes: `shown` to browsers in their form,
    or `headers` alone.
    """

    status: int
    codes: tuple[str, ...]
    said_as: Literal["problem", "shown", "headers"]

    @property
    def name(self) -> str:
        """What it is called among the components."""
        end = [] if self.said_as == "problem" else [self.said_as]
        return ".".join([str(self.status), *self.codes, *end])

    def as_openapi(self) -> dict[str, Any]:
        """The Response Object."""
        names = [PROBLEMS[code].__name__ for code in self.codes]
        schema = names[0] if len(names) == 1 else {"oneOf": names}
        found: dict[str, Any] = {
            "description": ", ".join(f"`{code}`" for code in self.codes),
            "headers": {name.partition(".")[0]: name for name in self._headers()},
        }
        if self.said_as != "headers":
            shown = _SHOWN if self.said_as == "shown" else {}
            found["content"] = {MEDIA_TYPE: {"schema": schema}, **shown}
        return found

    def _headers(self) -> Iterable[str]:
        yield from headers.ALWAYS
        if self.status in _TIMED:
            yield headers.RETRY_AFTER
        if errors.StillRunning.code in self.codes:
            yield headers.RETRY_AFTER_RUNNING
        if self.status == HTTPStatus.UNAUTHORIZED:
            yield headers.AUTHENTICATE
        if self.status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            yield headers.RANGE


def tag_of(operation: Operation) -> dict[str, str]:
    """The Tag Object: a module's name, and the first sentence of what it says of itself."""
    said = sys.modules[operation.view.__module__].__doc__ or ""
    return {"name": operation.tag, "description": " ".join(said.partition("\n\n")[0].split())}


def _content(given: type[BaseModel] | Content) -> tuple[str, Mapping[str, Any]]:
    if isinstance(given, Content):
        example = {} if given.example is None else {"example": given.example}
        return given.media_type, {"schema": dict(given.schema), **example}
    return "application/json", {"schema": given.__name__}
