"""A real Chromium, and pages that note all that a person's developer tools would."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    expect,
    sync_playwright,
)

from tests.support.people import PATIENCE, Person
from tests.support.stack import Stack
from tests.support.waiting import eventually

_ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # Names that no resolver knows: those of the service behind nginx.
    "--host-resolver-rules=MAP *.test 127.0.0.1",
]
_TELL_VIOLATIONS = """
addEventListener("securitypolicyviolation", (event) =>
  tellViolation(`${event.effectiveDirective} ${event.blockedURI}`));
"""
PATIENCE_MS = PATIENCE * 1000
_numbers = itertools.count(1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Start Chromium no more often than is of use.

    A page asks the verbs that the API asks, and the table of routes asks every page on both
    databases: what is left is between the page and the browser.
    """
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker(pytest.mark.one_database)


@dataclass
class Visit:
    """One person's window. `complaints` are console errors, script errors and CSP violations."""

    page: Page
    person: Person
    complaints: list[str] = field(default_factory=list)

    def sign_in(self) -> Page:
        """Come in by the form; ends on the list of documents."""
        self.page.goto(f"{self.person.stack.base_url}/")
        self.page.get_by_label("Email").fill(self.person.email)
        self.page.get_by_label("Password").fill(self.person.password)
        self.page.get_by_role("button", name="Sign in").click()
        self.page.wait_for_url("**/documents")
        return self.page

    def forgive(self, fragment: str) -> None:
        """Take out the one complaint that the test itself caused. Fails unless it was made once."""

        def made() -> list[str]:
            # The browser may tell of it after what it shows, and is heard while we wait for it.
            self.page.wait_for_timeout(10)
            return [complaint for complaint in self.complaints if fragment in complaint]

        (found,) = eventually(made, PATIENCE)
        self.complaints.remove(found)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """The machine's own Chromium."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    assert path, "Chromium is missing: apt-get install chromium"
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path, args=_ARGUMENTS, timeout=PATIENCE_MS
        )
        yield browser
        browser.close()


@pytest.fixture
def person(stack: Stack) -> Person:
    """Somebody who has no documents yet."""
    return stack.person(f"visitor{next(_numbers)}")


@pytest.fixture
def visit(chromium: Browser, stack: Stack, person: Person) -> Iterator[Callable[..., Visit]]:
    """Opens windows; at the end none of them may have complained, nor reported to the server."""
    reports = _csp_reports(stack)
    visits: list[Visit] = []
    with ExitStack() as contexts:

        def open_window(**options: Any) -> Visit:
            context = chromium.new_context(accept_downloads=True, **options)
            contexts.callback(context.close)
            context.set_default_timeout(PATIENCE_MS)
            visits.append(Visit(context.new_page(), person))
            _listen(context, visits[-1])
            return visits[-1]

        yield open_window
    assert [complaint for visit in visits for complaint in visit.complaints] == []
    assert _csp_reports(stack) == reports


def _listen(context: BrowserContext, visit: Visit) -> None:
    def on_console(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            visit.complaints.append(f"{message.text} ({message.location.get('url')})")

    context.expose_function("tellViolation", lambda text: visit.complaints.append(text))
    context.add_init_script(_TELL_VIOLATIONS)
    visit.page.on("console", on_console)
    visit.page.on("pageerror", lambda error: visit.complaints.append(str(error)))


def _csp_reports(stack: Stack) -> int:
    return Path(stack.log).read_text(errors="replace").count("csp_report")
