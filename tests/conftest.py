"""What all suites share: which database, and the running service.

Parts that a test needs are started for it; a part that is missing fails the test and says what
to install. Nothing is skipped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.faults import Faults
from tests.support.nginx import Nginx
from tests.support.people import Person
from tests.support.stack import AT_REST, Stack

WITHOUT_STACK = ("architecture", "contract", "unit")
_ALL_OF_IT = "\npytestmark = pytest.mark.one_database\n"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--database",
        choices=("sqlite", "postgresql"),
        default="sqlite",
        help="the database that the running service uses",
    )
    parser.addoption(
        "--mutants",
        type=int,
        default=4,
        help="how many mutants of each type the fuzzer makes",
    )
    parser.addoption(
        "--picture", action="store_true", help="write the README's picture of the page anew"
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "one_database: the database does not matter to it; run once is enough"
    )
    config.addinivalue_line("markers", "no_stack: does not use the stack of the chosen database")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Where no test of one database is wanted, a module of nothing else is not even loaded.

    To load all of them takes a lane seconds.
    """
    if collection_path.suffix != ".py" or "not one_database" not in config.option.markexpr:
        return None
    return _ALL_OF_IT in collection_path.read_text() or None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Part the lanes of `.ci/suite`: what starts no stack with the chosen database is apart.

    The lanes with a stack do not even look into the folders that have none.
    """
    for item in items:
        if "database_settings" not in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.no_stack)
        elif item.path.relative_to(item.config.rootpath).parts[1] in WITHOUT_STACK:
            raise pytest.UsageError(f"{item.nodeid} uses the stack: no lane would run it there")


@pytest.fixture(scope="session")
def database_settings(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[], dict[str, str]]]:
    """Makes the settings for a database of its own for each stack."""
    from tests.support.births import tell_births
    from tests.support.postgres import fresh_database, running_postgres

    if request.config.getoption("--database") == "sqlite":
        yield dict
        return
    tell_births()
    with running_postgres(tmp_path_factory.mktemp("pg")) as server:
        yield lambda: {"UPLOADS_DATABASE_URL": fresh_database(server)}


@pytest.fixture(scope="session")
def clamd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a real ClamAV daemon."""
    from tests.support.clamd import running_clamd

    with running_clamd(tmp_path_factory.mktemp("clamd")) as address:
        yield str(address)


@pytest.fixture(scope="session")
def make_stack(
    database_settings: Callable[[], dict[str, str]], clamd: str
) -> Iterator[Callable[..., Stack]]:
    """Starts stacks with the chosen database and with ClamAV; all are ended at the end.

    Even one that idles takes its share of a small machine: who needs one for a module closes it.
    """
    stacks: list[Stack] = []
    with ExitStack() as ends:

        def make(**settings: str) -> Stack:
            made = Stack({"UPLOADS_CLAMD": clamd, **database_settings(), **settings})
            stacks.append(made)
            ends.callback(made.close)
            made.start()
            return made

        yield make
        # Each waits for its own processes, one after the other: all at the same time.
        for one in stacks:
            one.ask_to_stop()


@pytest.fixture(scope="session")
def faults(tmp_path_factory: pytest.TempPathFactory) -> Faults:
    """What is to happen to `stack`: nothing, until a test puts a fault there."""
    return Faults(tmp_path_factory.mktemp("faults"))


@pytest.fixture(scope="session")
def stack(make_stack: Callable[..., Stack], faults: Faults) -> Stack:
    """The service that most tests share."""
    return make_stack(UPLOADS_FAULT=faults.setting)


@pytest.fixture(scope="session")
def strict(make_stack: Callable[..., Stack]) -> Stack:
    """A service of one web process with as few sign-ins as it is shipped with, but in an hour: a
    minute may be over before all of them are tried.

    It wants uploads at 10,000 bytes a second, and lets few guess at a link.
    """
    return make_stack(
        UPLOADS_WEB_PROCESSES="1",
        UPLOADS_RATE_SIGN_IN="10/hour",
        UPLOADS_RATE_LINK_PASSWORD="5/hour",
        UPLOADS_BODY_RATE="10000",
        UPLOADS_BODY_RATE_SECONDS="5",
        **AT_REST,
    )


@pytest.fixture(scope="session")
def alice(stack: Stack) -> Person:
    return stack.person("alice")


@pytest.fixture(scope="session")
def bob(stack: Stack) -> Person:
    return stack.person("bob")


@pytest.fixture(scope="session")
def nginx() -> Iterator[Nginx]:
    """The shipped nginx, in front of the service that `proxied` starts."""
    server = Nginx()
    try:
        yield server.start()
    finally:
        server.close()


@pytest.fixture(scope="session")
def proxied(make_stack: Callable[..., Stack], nginx: Nginx) -> Stack:
    """A service behind nginx: its people come through it, under the public names."""
    stack = make_stack(
        UPLOADS_PUBLIC_URL=nginx.app_url,
        UPLOADS_CONTENT_URL=nginx.content_url,
        UPLOADS_S3_PUBLIC_URL=nginx.store_url,
        UPLOADS_SOCKET=str(nginx.upstream),
        UPLOADS_TRUSTED_PROXIES="1",
        # What is left of it is looked at from one request to the next: none may be forgotten.
        UPLOADS_RATE_DEFAULT="100000/hour",
        **AT_REST,
    )
    stack.base_url, stack.content_url = nginx.app_url, nginx.content_url
    stack.transport = nginx.transport
    nginx.reach_store(stack.services().settings.s3_endpoint)
    return stack


@pytest.fixture(scope="session")
def carol(proxied: Stack) -> Person:
    """Somebody who comes through nginx."""
    return proxied.person("carol")
