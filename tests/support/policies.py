"""Evaluates AWS policies, as far as ours go: who may do what where, by rendered documents alone.

The order of AWS ("Policy evaluation logic", IAM User Guide): a statement that denies wins, else one
that allows is needed, in the role's policy or in the bucket's. Whatever a policy uses that is not
known here raises, so that nothing is passed over.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

Statement = Mapping[str, Any]


@dataclass(frozen=True)
class Ask:
    """One request: by whom, what, where, and what else AWS knows of it (`aws:SourceVpce`, …)."""

    principal: str
    action: str
    resource: str
    context: Mapping[str, str]


def allowed(ask: Ask, *, role: Sequence[Statement], bucket: Sequence[Statement]) -> bool:
    """Whether AWS would do it."""
    of_bucket = [one for one in bucket if _concerns(one, ask) and _names(one["Principal"], ask)]
    concerned = [*of_bucket, *(one for one in role if _concerns(one, ask))]
    effects = {one["Effect"] for one in concerned}
    return "Deny" not in effects and "Allow" in effects


def _concerns(statement: Statement, ask: Ask) -> bool:
    known = {"Sid", "Effect", "Principal", "Action", "Resource", "Condition"}
    if unknown := set(statement) - known:
        raise ValueError(f"a statement has {unknown}")
    return (
        any(fnmatchcase(ask.action, one) for one in _listed(statement["Action"]))
        and any(fnmatchcase(ask.resource, one) for one in _listed(statement["Resource"]))
        and all(
            _holds(operator, key, _listed(values), ask)
            for operator, keys in statement.get("Condition", {}).items()
            for key, values in keys.items()
        )
    )


def _names(principal: Any, ask: Ask) -> bool:
    if principal == "*":
        return True
    if set(principal) == {"Service"}:
        return ask.principal in _listed(principal["Service"])
    raise ValueError(f"a principal is {principal}")


def _holds(operator: str, key: str, values: list[str], ask: Ask) -> bool:
    """One condition; of a key that the request has not, what AWS makes of it."""
    found = ask.principal if key == "aws:PrincipalArn" else ask.context.get(key)
    if operator == "Null":
        return values == [("true" if found is None else "false")]
    if operator not in _OPERATORS:
        raise ValueError(f"a condition uses {operator}")
    negated, compare = _OPERATORS[operator]
    if found is None:
        return negated
    met = [compare(found, one) for one in values]
    return all(met) if negated else any(met)


_OPERATORS: dict[str, tuple[bool, Callable[[str, str], bool]]] = {
    "StringEquals": (False, lambda found, one: found == one),
    "StringNotEquals": (True, lambda found, one: found != one),
    "ArnNotEquals": (True, lambda found, one: not fnmatchcase(found, one)),
    "Bool": (False, lambda found, one: found == one),
    "NumericLessThan": (False, lambda found, one: float(found) < float(one)),
    "NumericGreaterThan": (False, lambda found, one: float(found) > float(one)),
}


def _listed(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value)
