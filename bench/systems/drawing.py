"""What makes pictures of files: this service's renderer in its cell, npm `sharp`, `pdftoppm`.

No servers: each is handed paths and draws, as many at once as there are cores or as it does best.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from bench.systems.node import node
from bench.systems.process import NotStarted
from bench.systems.system import Running, takes_none
from uploads.documents.readers.limits import PIXELS
from workers.rendering.render import PICTURE_LIMIT
from workers.sandbox.parent import Cell
from workers.sandbox.stay import FILES

SIDE = 400
_CORES = os.cpu_count() or 1
_SECONDS, _MEMORY = 30, 2048 * 1024 * 1024  # as the service's settings have it
_SCRIPT = Path(__file__).parents[1] / "sharp" / "thumbnails.mjs"


class Cells:
    name = "uploads in its cell"
    doors = ()
    settings = (
        f"the renderer of the service, {_CORES} at once; all files are of one owner, so a confined "
        f"child draws {FILES} of them"
    )

    @contextmanager
    def start(self, folder: Path) -> Iterator[Running]:
        cell = Cell(_SECONDS, _MEMORY)

        def one(path: Path) -> int:
            loader = {".jpg": "jpeg", ".pdf": "pdf"}[path.suffix]
            options = {"loader": loader, "pixels": PIXELS, "sides": [SIDE]}
            with path.open("rb") as file:
                reply = cell.run(
                    "render", file, options, payload_limit=PICTURE_LIMIT, whose="somebody"
                )
                return len(reply.payload)

        def draw(door: str, paths: Sequence[Path]) -> list[int]:
            del door
            with ThreadPoolExecutor(_CORES) as pool:
                return list(pool.map(one, paths))

        try:
            yield Running(0, {"drawing": [os.getpid()]}, takes_none, folder, draw=draw)
        finally:
            cell.close()


class Sharp:
    name = "npm sharp"
    doors = ()
    settings = (
        "one process, four files at once on all cores (the fastest of what was tried), cache off; "
        "WebP of quality 80, with its own effort (4) and with the one used here (1)"
    )

    @contextmanager
    def start(self, folder: Path) -> Iterator[Running]:
        process = subprocess.Popen(  # noqa: S603
            [node(), str(_SCRIPT)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        with process:

            def draw(door: str, paths: Sequence[Path]) -> list[int]:
                order = {"effort": int(door[-1]), "side": SIDE, "paths": [str(p) for p in paths]}
                assert process.stdin is not None
                assert process.stdout is not None
                process.stdin.write(json.dumps(order) + "\n")
                process.stdin.flush()
                return [int(size) for size in json.loads(process.stdout.readline() or "[]")]

            try:
                yield Running(0, {"drawing": [process.pid]}, takes_none, folder, draw=draw)
            finally:
                process.kill()


class Poppler:
    name = "pdftoppm"
    doors = ()
    settings = f"Debian's poppler-utils, one process a file, {_CORES} at once, PNG"

    @contextmanager
    def start(self, folder: Path) -> Iterator[Running]:
        program = shutil.which("pdftoppm")
        if program is None:
            raise NotStarted("pdftoppm was not found: install poppler-utils")
        words = [program, "-f", "1", "-l", "1", "-singlefile", "-scale-to", str(SIDE), "-png"]

        def one(numbered: tuple[int, Path]) -> int:
            made = folder / str(numbered[0])
            subprocess.run([*words, str(numbered[1]), str(made)], check=True)  # noqa: S603
            return made.with_suffix(".png").stat().st_size

        def draw(door: str, paths: Sequence[Path]) -> list[int]:
            del door
            with ThreadPoolExecutor(_CORES) as pool:
                return list(pool.map(one, enumerate(paths)))

        yield Running(0, {"drawing": [os.getpid()]}, takes_none, folder, draw=draw)
