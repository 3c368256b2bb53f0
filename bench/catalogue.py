"""Which systems are measured with which work, in full and in small."""

from __future__ import annotations

from bench.load import originals
from bench.systems.companion import Companion
from bench.systems.copyparty import Copyparty
from bench.systems.direct import SIGNED_LATE, Direct
from bench.systems.drawing import Cells, Poppler, Sharp
from bench.systems.naive import NaiveFlask
from bench.systems.scanners import OWN_CLIENT, RAW_CLAMD
from bench.systems.service import Service, ServiceOnPostgres, ServiceWithClamav
from bench.systems.system import System
from bench.systems.tus import Tus
from bench.work.batch import Batch
from bench.work.crowd import Crowd
from bench.work.grants import Grants
from bench.work.growth import FileGrowth, LibraryGrowth
from bench.work.line import Line
from bench.work.pictures import Pictures
from bench.work.scan import Scan, films
from bench.work.transfer import LibraryTransfer
from bench.work.work import MIB, Work

KIB = 1024
SYSTEMS: tuple[System, ...] = (
    Direct(),
    Service(),
    ServiceOnPostgres(),
    NaiveFlask(),
    Tus(),
    Copyparty(),
    Companion(),
    Cells(),
    Sharp(),
    Poppler(),
    ServiceWithClamav(),
    OWN_CLIENT,
    RAW_CLAMD,
)
# One by one, and many in a form.
_SENT = {"uploads": ("form", "raw", "form × 25")}
_SIGNERS = frozenset({"direct PUT", "uploads"})
# One by one, 25 in a request, and what `uploads-client` does with many files of this size, and with
# one: it streams it.
_SIGNED = {"uploads": ("signed", "signed × 25", "client × 25", "client")}


def _by_a_program(files: int) -> Batch:
    """Small files as an ordinary program sends them, to see how much the clients decide."""
    return Batch(
        "small-program",
        f"{files:,} files of 100 KiB, 16 at a time, by 16 threads of a program with urllib3",
        *(files, 100 * KIB, 16),
        doors={"direct PUT": ("raw", SIGNED_LATE)},
        on_disk=False,
        program=True,
    )


def _signed(*, grants: int, medium: int, small: int, large_mib: int) -> tuple[Work, ...]:
    """What programs do with grants: so many of each."""
    whole = "by signed URL, {} at a time: grant, PUT, completion"
    one = "one file of {:,} MiB by the program's library, in parts"
    return (
        Grants("grants", f"{grants:,} grants, 16 at a time", grants, 16),
        Batch(
            "signed-medium",
            f"{medium:,} files of 1 MiB {whole.format(8)}",
            *(medium, MIB, 8),
            doors=_SIGNED,
            only=_SIGNERS,
            on_disk=False,
        ),
        Batch(
            "signed-small",
            f"{small:,} files of 100 KiB {whole.format(16)}",
            *(small, 100 * KIB, 16),
            doors=_SIGNED,
            only=_SIGNERS,
            on_disk=False,
        ),
        LibraryTransfer("signed-large", one.format(large_mib), large_mib * MIB),
    )


def _pictures(*, photos: int, texts: int, drawings: int) -> tuple[Work, ...]:
    """Pictures of 400 pixels, as files that a browser shows: so many of each kind."""
    beside_sharp = {"uploads in its cell": ["WebP 1"], "npm sharp": ["WebP 4", "WebP 1"]}
    beside_poppler = {"uploads in its cell": ["WebP"], "pdftoppm": ["PNG"]}
    title = "{:,} pictures of 400 pixels, of {}".format
    return (
        Pictures(
            "photos",
            title(photos, "JPEGs of 12 megapixels"),
            *(photos, originals.photos, beside_sharp),
        ),
        Pictures(
            "pdf-text",
            title(texts, "first pages of text"),
            *(texts, originals.texts, beside_poppler),
        ),
        Pictures(
            "pdf-drawing",
            title(drawings, "first pages with 4,000 shapes"),
            *(drawings, originals.drawings, beside_poppler),
        ),
    )


def _inspected(*, photos: int, texts: int, films_mib: int) -> tuple[Work, ...]:
    """The worker's own work: so many documents, and so many MiB for ClamAV alone."""
    title = "{:,} {} through the worker: fetched, inspected, published, drawn".format
    both = frozenset({"uploads", "uploads with ClamAV"})
    return (
        Line(
            "line-photos",
            title(photos, "photos of 12 megapixels"),
            *(photos, originals.photos, both),
        ),
        Line("line-texts", title(texts, "PDFs of 20 pages"), *(texts, originals.texts, both)),
        Scan(
            "clamav-large",
            f"4 files of {films_mib:,} MiB shown to ClamAV",
            films(4, films_mib * MIB),
        ),
        Scan("clamav-small", "60 files of 4 MiB shown to ClamAV", films(60, 4 * MIB)),
    )


FULL: tuple[Work, ...] = (
    Batch("large", "one file of 1 GiB", 1, 1024 * MIB, 1, settles=True),
    Batch("medium", "400 files of 1 MiB, 8 at a time", 400, MIB, 8),
    Batch("small", "1,500 files of 100 KiB, 16 at a time", 1500, 100 * KIB, 16, doors=_SENT),
    _by_a_program(1500),
    *_signed(grants=4000, medium=400, small=1500, large_mib=1024),
    Crowd("slow-1000", "1,000 clients at once, each 2 MiB over 30 s", 1000, 2 * MIB, 30),
    Crowd("slow-5000", "5,000 clients at once, each 512 KiB over 30 s", 5000, 512 * KIB, 30),
    FileGrowth(
        "growth",
        "memory as the file grows from 1 MiB to 4 GiB",
        (MIB, 16 * MIB, 256 * MIB, 1024 * MIB, 4096 * MIB),
    ),
    LibraryGrowth(
        "library",
        "one upload of 100 KiB as the library grows from 0 to 1,000,000 documents",
        documents=1_000_000,
        files=500,
        size=100 * KIB,
        clients=4,
    ),
    *_pictures(photos=120, texts=120, drawings=24),
    *_inspected(photos=120, texts=120, films_mib=256),
)

# The same by name, small enough to see in a minute that everything runs; says nothing of speed.
QUICK: tuple[Work, ...] = (
    Batch("large", "one file of 64 MiB", 1, 64 * MIB, 1, settles=True),
    Batch("medium", "40 files of 1 MiB, 8 at a time", 40, MIB, 8),
    Batch("small", "150 files of 100 KiB, 16 at a time", 150, 100 * KIB, 16, doors=_SENT),
    _by_a_program(150),
    *_signed(grants=400, medium=40, small=150, large_mib=64),
    Crowd("slow-1000", "100 clients at once, each 200 KiB over 4 s", 100, 200 * KIB, 4),
    Crowd("slow-5000", "300 clients at once, each 64 KiB over 4 s", 300, 64 * KIB, 4),
    FileGrowth("growth", "memory as the file grows from 1 to 64 MiB", (MIB, 16 * MIB, 64 * MIB)),
    LibraryGrowth(
        "library",
        "one upload of 100 KiB as the library grows from 0 to 20,000 documents",
        documents=20_000,
        files=50,
        size=100 * KIB,
        clients=4,
    ),
    *_pictures(photos=8, texts=8, drawings=4),
    *_inspected(photos=8, texts=8, films_mib=16),
)
