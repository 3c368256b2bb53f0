"""Office documents drawn by a real LibreOffice, in the cell for programs of others."""

from __future__ import annotations

import io
import os
import socket
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from tests.support import office_files
from tests.support.cells import cell_children
from tests.support.line import GRACE, LEASE, Line
from tests.support.pictures import opened
from uploads.documents.model import Job, JobKind
from uploads.storage.protocol import Bucket
from workers.rendering.installation import Installation
from workers.rendering.office import PDF, Office
from workers.rendering.office_trial import OfficeFound, find_office
from workers.rendering.render import Picture, Renderer
from workers.renditions import RenderHandler
from workers.sandbox.parent import Cell, CellTimeout
from workers.scratch import Scratch

ROOT = Path(__file__).parents[2]
MIB = 1024 * 1024
CONVERTED = {
    "docx": (office_files.letter, office_files.DOCX),
    "xlsx": (office_files.workbook, office_files.XLSX),
}


def new_id() -> str:
    return uuid.uuid4().hex


@pytest.fixture(scope="module")
def cell() -> Iterator[Cell]:
    made = Cell(seconds=300, memory_bytes=2048 * MIB)
    yield made
    made.close()


@pytest.fixture
def scratch(tmp_path: Path) -> Iterator[Scratch]:
    """A scratch folder in which nothing is left."""
    folder = tmp_path / "scratch"
    yield Scratch(folder)
    assert not folder.exists() or list(folder.iterdir()) == []


@pytest.fixture
def office(cell: Cell, scratch: Scratch) -> Office:
    return Office(cell, scratch, new_id, Installation.find())


def pictures(office: Office, cell: Cell, content: bytes, type_: str) -> list[Picture]:
    """What the strict cell makes of what the other one made of a document."""
    with opened(content) as file, office.drawable(file, type_) as (drawn, drawn_type):
        assert drawn_type == PDF
        renderer = Renderer(cell)
        return [*renderer.render(drawn, drawn_type), *renderer.pages(drawn, drawn_type)]


def colours(picture: bytes) -> set[tuple[int, ...]]:
    image = Image.open(io.BytesIO(picture)).convert("RGB")
    spots = [(image.width * x // 4, image.height * y // 4) for x in (1, 2, 3) for y in (1, 2, 3)]
    return {tuple(round(part / 64) for part in image.getpixel(spot)) for spot in spots}  # type: ignore[union-attr]


@pytest.mark.parametrize("kind", CONVERTED)
def test_documents_are_drawn(kind: str, office: Office, cell: Cell) -> None:
    """Thumbnails and pages show what is in the document; nothing is left of the conversion."""
    make, type_ = CONVERTED[kind]
    made = pictures(office, cell, make(), type_)
    names = [picture.name for picture in made]
    assert names[:3] == ["thumbnail-200", "thumbnail-800", "page-1"]
    darkest, lightest = Image.open(io.BytesIO(made[2].data)).convert("L").getextrema()
    assert darkest < 100 < 200 < lightest  # type: ignore[operator]
    assert cell_children() == []


def test_nothing_is_fetched_from_elsewhere(office: Office, cell: Cell, tmp_path: Path) -> None:
    """Pictures and objects of elsewhere are not asked for, files of the host are not shown.

    A LibreOffice without the cell and without our settings asks for both, and shows the file.
    """
    secret = tmp_path / "secret.png"
    Image.new("RGB", (200, 200), "#00ff00").save(secret)
    secret.chmod(0o644)
    with socket.create_server(("127.0.0.1", 0)) as canary:
        canary.setblocking(False)
        url = f"http://127.0.0.1:{canary.getsockname()[1]}"
        content = office_files.linked_slides(url, str(secret))
        shown = pictures(office, cell, content, office_files.ODP)[1]
        assert colours(shown.data) == {(4, 4, 4)}
        with pytest.raises(BlockingIOError):  # nobody stands in its queue
            canary.accept()


def _converts(office: Office, content: bytes, type_: str) -> tuple[bool, str]:
    with opened(content) as file, office.drawable(file, type_) as (drawn, drawn_type):
        return drawn is not file, drawn_type


def test_what_cannot_be_converted_is_drawn_as_it_is(office: Office) -> None:
    """A broken document, and one of another kind, are handed on untouched."""
    broken = office_files.letter()[:2000]
    assert _converts(office, broken, office_files.DOCX) == (False, office_files.DOCX)
    assert _converts(office, b"text", "text/plain") == (False, "text/plain")


def test_a_document_that_takes_too_long_leaves_nothing(scratch: Scratch) -> None:
    """At the time limit the program is gone, and its folder with it."""
    hurried = Cell(seconds=1, memory_bytes=2048 * MIB)
    office = Office(hurried, scratch, new_id, Installation.find())
    with opened(office_files.endless_letter()) as file, pytest.raises(CellTimeout):
        office.convert(file, "docx")
    assert cell_children() == []
    hurried.close()


def test_a_worker_without_root_converts_as_well(tmp_path: Path) -> None:
    """The cell holds, and LibreOffice works in it, where worker and child are one user."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    script = (
        "import os, sys, uuid\n"
        "from pathlib import Path\n"
        "sys.path.insert(0, sys.argv[1])\n"
        "from workers.sandbox.parent import Cell\n"
        "from workers.scratch import Scratch\n"
        "from workers.rendering.office_trial import find_office\n"
        "cell = Cell(seconds=300, memory_bytes=2048 << 20)\n"
        "found = find_office(cell, Scratch(Path(sys.argv[2])), lambda: uuid.uuid4().hex)\n"
        "print(os.geteuid(), found.word, len(os.listdir(sys.argv[2])))\n"
    )
    lower: list[str] = []
    if os.geteuid() == 0:
        os.chown(folder, 65533, 65533)
        # The capability lets another uid read an installation below a closed home.
        power = ["--inh-caps=-all,+dac_override", "--ambient-caps=-all,+dac_override"]
        lower = ["setpriv", "--reuid=65533", "--regid=65533", "--clear-groups", *power]
    command = [*lower, sys.executable, "-c", script, str(ROOT), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, cwd="/")
    assert done.returncode == 0, done.stderr
    uid, word, left = done.stdout.splitlines()[-1].split()
    assert (uid != "0", word, left) == (True, "on", "0"), done.stdout


def test_the_job_publishes_what_it_looks_like(line: Line, cell: Cell) -> None:
    """A presentation's thumbnails and pages; nothing of it stays in the scratch."""
    document = line.accept(office_files.slides(("#ff0000", "#0000ff")), name="a.odp")
    line.runner.run(line.job_of(document))
    job = Job.about(document, JobKind.RENDER, "job_render", line.now)
    line.records.write(lambda work: work.jobs.add(job))
    leased = line.records.write(lambda work: work.jobs.lease(job.id, line.now, line.now + LEASE))
    assert leased is not None
    RenderHandler(
        records=line.records,
        storage=line.storage,
        scratch_files=line.scratch,
        renderer=Renderer(cell),
        office=Office(cell, line.scratch, new_id, Installation.find()),
        clock=line.clock,
        new_id=line.new_id,
        grace=GRACE,
        lease=LEASE,
        transfer_seconds=60,
    )(leased)
    made = {
        one.name: colours(line.storage.objects[Bucket.CLEAN, one.key][0])
        for one in line.document(document.id).renditions
    }
    red, blue = {(4, 0, 0)}, {(0, 0, 4)}
    assert made == {"thumbnail-200": red, "thumbnail-800": red, "page-1": red, "page-2": blue}
    assert list(line.scratch._root.iterdir()) == []


def test_where_it_is_not_installed_the_worker_says_so(
    cell: Cell, scratch: Scratch, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    found = find_office(cell, scratch, new_id)
    assert found == OfficeFound(None, "off, for LibreOffice is not installed")
