"""A file that keeps its parser busy for as long as it may: nobody else waits for it."""

from __future__ import annotations

import io
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pikepdf
import psutil
import pytest

from tests.support import samples
from tests.support.cells import confined_child
from tests.support.people import PATIENCE, Person
from tests.support.stack import Stack
from tests.support.waiting import eventually
from uploads.documents.model import JobKind

pytestmark = pytest.mark.one_database

GOOD = 100
# Processor seconds that no other file takes here.
_LONG = 1.0
# So long that the poison's child outlives all the good files, on whatever machine. Two places for
# pictures: one is left beside the poison's.
PATIENT = {
    "UPLOADS_CLAMD": "off",
    "UPLOADS_CELL_SECONDS": "900",
    "UPLOADS_JOB_SECONDS": "6000",
    "UPLOADS_WORKER_PROCESSES": "3",
}


def slow_pdf(fills: int = 200_000) -> bytes:
    """A page that is blended over itself again and again: some KiB, some hours of drawing."""
    document = pikepdf.new()
    page = document.add_blank_page()
    blended = pikepdf.Dictionary(ca=0.5, BM=pikepdf.Name.Luminosity)
    page.obj.Resources = pikepdf.Dictionary(ExtGState=pikepdf.Dictionary(G=blended))
    page.obj.Contents = document.make_stream(
        b"/G gs 0.2 0.5 0.7 rg " + b"0 0 600 800 re f " * fills
    )
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


@pytest.fixture(scope="module")
def patient() -> Iterator[Stack]:
    made = Stack(PATIENT)
    try:
        made.start()
        yield made
    finally:
        made.kill_everything()  # a polite stop would wait for the poison
        made.close()


def test_a_hundred_good_files_overtake_it(patient: Stack) -> None:
    """All are clean, and have what pictures they can, while the poison is still being drawn.

    With as many of them as there are places for pictures, what comes in is still inspected.
    """
    ann = patient.person("ann")
    poison = [ann.upload("poison.pdf", slow_pdf())]
    eventually(lambda: _is_being_drawn(patient, poison[0]), PATIENCE)
    _stand_still(patient, 1)
    good = _send(ann, GOOD)
    for document_id in good:
        assert ann.settle(document_id)["state"] == "clean"
    for document_id in good[::5]:
        eventually(lambda: _has_pictures(ann, document_id), PATIENCE)  # noqa: B023
    poison += [ann.upload(f"poison-{number}.pdf", slow_pdf()) for number in range(4)]
    for document_id in poison:
        assert ann.settle(document_id)["state"] == "clean"
    _stand_still(patient, 2)
    for document_id in _send(ann, 20):
        assert ann.settle(document_id)["state"] == "clean"
    # Others rest for some seconds after their last file.
    eventually(lambda: _children(patient) == 2, PATIENCE)
    assert not any(_has_pictures(ann, document_id) for document_id in poison)


def _send(person: Person, count: int) -> list[str]:
    with ThreadPoolExecutor(4) as senders:
        return list(senders.map(lambda number: person.upload(*_good(number)), range(count)))


def _good(number: int) -> tuple[str, bytes]:
    """Each fifth one is a picture, and has to be drawn as well."""
    return (f"{number}.zip", samples.zip_file()) if number % 5 else ("a.png", samples.png())


def _has_pictures(person: Person, document_id: str) -> bool:
    return bool(person.document(document_id)["renditions"])


def _is_being_drawn(stack: Stack, document_id: str) -> bool:
    """Whether it is clean, its pictures are owed, and a child sits in the cell."""
    records = stack.services().records
    document = records.read(lambda work: work.documents.find(document_id))
    owed = records.read(lambda work: work.jobs.open_since(document_id, JobKind.RENDER))
    busy = _children(stack) > 0
    return document is not None and document.servable and owed is not None and busy


def _children(stack: Stack) -> int:
    """How many children sit in the cells of the worker's processes at this moment."""
    return len(_confined(stack))


def _confined(stack: Stack) -> set[psutil.Process]:
    found = (confined_child(worker.pid) for worker in stack.named("workers.app"))
    return {child for child in found if child is not None}


def _stand_still(stack: Stack, count: int) -> None:
    """Stop so many children that draw poison, once they do. They keep what they have, their places
    above all, and leave the processor to the others: how many it has is no question here.
    """

    def all_stopped() -> bool:
        drawing = [child for child in _confined(stack) if _used(child) > _LONG]
        for child in drawing:
            child.suspend()
        return len(drawing) == count

    eventually(all_stopped, PATIENCE)


def _used(child: psutil.Process) -> float:
    """Processor seconds; none of a child that has gone meanwhile."""
    try:
        times = child.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system)
