"""New users of a running service, made in its database: the command takes a second for each."""

from __future__ import annotations

import itertools

from tests.support.people import Person
from tests.support.stack import Stack
from uploads.documents.model import Scope

_numbers = itertools.count(1)


def newcomer(stack: Stack, name: str) -> Person:
    """Somebody who was never here, with a password and a key for reading and writing."""
    number = next(_numbers)
    email, password = f"{name}{number}@example.org", f"{name} has a long password"
    accounts = stack.services().accounts
    user = accounts.create_user(email, password)
    scopes = {Scope.DOCUMENTS_READ, Scope.DOCUMENTS_WRITE}
    _, key = accounts.create_key(user.id, "tests", scopes)
    person = Person(stack, email, password, key)
    stack.people.append(person)
    return person


def set_quota(
    person: Person, *, bytes_limit: int | None = None, files_limit: int | None = None
) -> None:
    """Limits of this person's own: None is the service's, 0 is none."""
    services = person.stack.services()
    user = services.accounts.user(person.email)
    services.quotas.set_limits(user.id, bytes_limit, files_limit, by="tests")
