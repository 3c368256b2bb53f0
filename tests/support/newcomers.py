"""New users of a running service, and their limits."""

from __future__ import annotations

import itertools

from tests.support.people import Person
from tests.support.stack import Stack

_numbers = itertools.count(1)


def newcomer(stack: Stack, name: str) -> Person:
    """Somebody who was never here, with a password and a key for reading and writing."""
    return stack.person(f"{name}{next(_numbers)}")


def set_quota(
    person: Person, *, bytes_limit: int | None = None, files_limit: int | None = None
) -> None:
    """Limits of this person's own: None is the service's, 0 is none."""
    services = person.stack.services()
    user = services.accounts.user(person.email)
    services.quotas.set_limits(user.id, bytes_limit, files_limit, by="tests")
