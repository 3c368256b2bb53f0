"""Clients of the running service."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.support.meddling import Meddling
from tests.support.newcomers import newcomer
from tests.support.people import Person
from tests.support.stack import Stack
from uploads_client import Client, Retries

MakeClient = Callable[..., Client]


@pytest.fixture
def person(stack: Stack) -> Person:
    """Somebody with nothing but what the test uploads."""
    return newcomer(stack, "program")


@pytest.fixture
def make_client(stack: Stack, person: Person) -> Iterator[MakeClient]:
    """Makes clients with that person's key, which try again without a pause."""
    with ExitStack() as ends:

        def make(**more: Any) -> Client:
            more = {"transport": Meddling(), "timeout": 180.0, "retries": Retries(first=0), **more}
            return ends.enter_context(Client(stack.base_url, person.key, **more))

        yield make


@pytest.fixture
def client(make_client: MakeClient) -> Client:
    return make_client()
