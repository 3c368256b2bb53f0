"""JSON bodies: read strictly, held against a model, refused with a pointer to each wrong member.

What is no JSON (RFC 8259) at all is malformed. What Python's reader would let pass or choke on is
turned into something that no model accepts, so that it is refused by its place like any other wrong
value: NaN, numbers past every bound, members that come twice.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Annotated, Any, TypeVar

from flask import Request
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from uploads.api.parsing import invalid, media_type
from uploads.bodies import whole
from uploads.documents.errors import Malformed, UnsupportedMediaType

_LONGEST_NUMBER = 20  # digits of the largest 64-bit integer, and its sign
_PROBLEMS_NAMED = 20
_POINTER_CHARS = 120
_WORDS = {"extra_forbidden": "unknown member", "missing": "required"}


Time = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
"""A point in time as a client writes it; `parsing.moment` reads it."""


class Body(BaseModel):
    """Base of every body's model: nothing is converted, nothing unknown is let in."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class Nothing(Body):
    """The body of a call that needs no members; it may be left out."""


B = TypeVar("B", bound=Body)


def read_body(request: Request, model: type[B]) -> B:
    """The request's body as this model.

    Raises UnsupportedMediaType, Malformed, BodyTooLarge, and Invalid with a pointer (RFC 6901) for
    each wrong member.
    """
    data = whole(request)
    if not data and issubclass(model, Nothing):
        return model()
    if media_type(request.environ.get("CONTENT_TYPE")) != "application/json":
        raise UnsupportedMediaType
    members = _parse(data)
    if not isinstance(members, dict):
        raise invalid(("", "an object"))
    _check_unknown(members, model)
    try:
        return model.model_validate(members)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False, include_input=False)
        raise invalid(*_problems(members, found)) from None


def _check_unknown(members: dict[str, Any], model: type[Body]) -> None:
    """Raises Invalid for more unknown members than are named: pydantic makes an error of each."""
    unknown = [name for name in members if name not in model.model_fields]
    if len(unknown) > _PROBLEMS_NAMED:
        named = unknown[:_PROBLEMS_NAMED]
        raise invalid(*((_pointer([name]), _WORDS["extra_forbidden"]) for name in named))


def _problems(members: Any, found: Sequence[ErrorDetails]) -> list[tuple[str, str]]:
    """Each wrong place of the body once, and what is wrong there."""
    problems: dict[str, str] = {}
    for one in found:
        if one["type"] == "none_required":
            continue  # the branch for a member that was left out; the other one says what is wrong
        place = one["loc"] if one["type"] == "missing" else _within(members, one["loc"])
        problems.setdefault(_pointer(place), _WORDS.get(one["type"], one["msg"]))
        if len(problems) == _PROBLEMS_NAMED:
            break
    return list(problems.items())


def _within(members: Any, place: Sequence[int | str]) -> Sequence[int | str]:
    """The steps of a place that the body has: pydantic names the branches of its model as well."""
    at, steps = members, []
    for step in place:
        try:
            at = at[step]
        except (KeyError, IndexError, TypeError):
            continue
        steps.append(step)
    return steps


def _parse(data: bytes) -> Any:
    try:
        text = data.decode()
        try:
            return _READER.decode(text)
        except _Repeated:
            repeated = _repeated(text)
    except RecursionError:
        raise invalid(("", "nested too deeply")) from None
    except ValueError as error:
        raise Malformed("The body is not JSON in UTF-8. Correct it and send it again.") from error
    raise invalid(*((_pointer([name]), "given twice") for name in repeated[:_PROBLEMS_NAMED]))


def _repeated(text: str) -> list[str]:
    """Names that come twice in an object, of all objects. Raises ValueError where it is no JSON."""
    twice: list[str] = []

    def members(pairs: list[tuple[str, Any]]) -> None:
        counts = Counter(name for name, _ in pairs)
        twice.extend(name for name, count in counts.items() if count > 1)

    _reader(members).decode(text)
    return twice


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _Repeated
    return found


class _Repeated(Exception):
    """Raised where a member comes twice."""


def _reader(members: Callable[[list[tuple[str, Any]]], Any]) -> json.JSONDecoder:
    return json.JSONDecoder(
        object_pairs_hook=members,
        parse_constant=lambda _: math.nan,
        parse_int=lambda text: int(text) if len(text) <= _LONGEST_NUMBER else math.inf,
    )


_READER = _reader(_each_once)


def _pointer(place: Sequence[int | str]) -> str:
    parts = (str(one).replace("~", "~0").replace("/", "~1") for one in place)
    # A `~` alone, cut off from its digit, would be no pointer.
    return "".join(f"/{part}" for part in parts)[:_POINTER_CHARS].removesuffix("~")
