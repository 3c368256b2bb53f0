"""Containers of docker-compose.yml as plain processes on loopback: same words, same files.

There is no engine here. So each of these is put in the place of something else, nothing besides:

- a path inside a container becomes one below a temporary folder: each mount's, and of our images
  the folder of the packages (this virtual environment's) and the data;
- `name:port` of another container becomes a free port of 127.0.0.1, in arguments, environment and
  copies of the configuration files; so do the ports that a program listens on;
- the web service's own port is a free one;
- valkey's programs are Redis's, `python` is this one; programs are found in Debian's places;
- SeaweedFS is not to be had: rclone stands in, with the keys of its identities, not their rights;
- users, capabilities, limits and networks are the engine's: `tests/architecture/test_compose.py`.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tests.support.compose import ROOT, Deployment, health, words
from tests.support.waiting import eventually

START_SECONDS = 120
_PACKAGES = "/opt/uploads/lib/python3.11/site-packages"
_PATH = f"{Path(sys.executable).parent}:{os.environ['PATH']}:/usr/sbin:/sbin"


class Container:
    """One service as a process.

    `swaps` are texts that are put in the place of others, `programs` programs in the place of
    others, `more` further settings.
    """

    def __init__(
        self,
        name: str,
        service: Mapping[str, Any],
        deployment: Deployment,
        root: Path,
        *,
        swaps: Mapping[str, str],
        programs: Mapping[str, str],
        more: Mapping[str, str],
    ) -> None:
        self.name, self._service, self._root = name, service, root
        self._programs, self._more = {"python": sys.executable, **programs}, more
        self.folder = root / name
        self.folder.mkdir()
        places = {**self._mounts(), **self._secrets(deployment)}
        if "build" in service:
            places |= {_PACKAGES: str(ROOT), "/var/lib/uploads": self._own("/var/lib/uploads")}
        self._swaps = {**places, **swaps}
        # All at once and the longest first: what was put in is not looked at again.
        known = sorted(self._swaps, key=len, reverse=True)
        self._pattern = re.compile(
            "|".join(rf"(?<![\w.-]){re.escape(one)}(?![\w-])" for one in known)
        )
        self._copy_configuration()
        self._process: subprocess.Popen[bytes] | None = None

    # --- what a container is shown ---

    def _own(self, target: str) -> str:
        """A folder of this container alone."""
        place = self.folder / "fs" / target.strip("/")
        place.mkdir(parents=True, exist_ok=True)
        return str(place)

    def _mounts(self) -> dict[str, str]:
        """Each path that is mounted, and where it is here: tmpfs, volumes, files of the project."""
        found = {one.partition(":")[0]: one for one in self._service.get("tmpfs", [])}
        places = {target: self._own(target) for target in found}
        for one in self._service.get("volumes", []):
            if one["type"] == "volume":
                shared = self._root / "volumes" / one["source"]
                shared.mkdir(parents=True, exist_ok=True)
                places[one["target"]] = str(shared)
            else:
                places[one["target"]] = str(self.folder / "fs" / one["target"].strip("/"))
        return places

    def _secrets(self, deployment: Deployment) -> dict[str, str]:
        """Only its own: the folder that all of them are in is closed to other users."""
        places = {}
        for one in self._service.get("secrets", []):
            place = Path(self._own("/run/secrets")) / one["source"]
            shutil.copy(deployment.folder / "secrets" / one["source"], place)
            places[one["target"]] = str(place)
        return places

    def _copy_configuration(self) -> None:
        """Its files and secrets, with the same swaps as its arguments."""
        for one in self._service.get("secrets", []):
            file = Path(self._swaps[one["target"]])
            file.chmod(0o644)
            file.write_text(self.here(file.read_text()))
        for one in self._service.get("volumes", []):
            if one["type"] == "volume":
                continue
            source, place = Path(one["source"]), Path(self._swaps[one["target"]])
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copytree(source, place) if source.is_dir() else shutil.copy(source, place)
            for file in [place, *place.rglob("*")]:
                if file.suffix in {".conf", ".sql", ".toml", ".yml"} and file.is_file():
                    file.chmod(0o644)
                    file.write_text(self.here(file.read_text()))

    def secret(self, name: str) -> str:
        """What the file of this secret says to the container."""
        return Path(self.here(f"/run/secrets/{name}")).read_text()

    def here(self, text: str) -> str:
        """The text with everything swapped for what there is here."""
        return self._pattern.sub(lambda found: self._swaps[found[0]], text)

    @property
    def environment(self) -> dict[str, str]:
        """The image's and the service's."""
        found = {"PATH": _PATH, "LANG": "C.UTF-8", "MALLOC_ARENA_MAX": "2"}
        found["UPLOADS_WORKER_AS_ROOT"] = "yes"  # in containers it is not, here it may be
        given = self._service.get("environment") or {}
        found |= {name: self.here(value) for name, value in given.items()}
        return {**found, **self._more}

    # --- its life ---

    def argv(self, given: list[str] | None = None) -> list[str]:
        program, *rest = given or words(dict(self._service))
        return [self._programs.get(program, self.here(program)), *map(self.here, rest)]

    def run(self, *given: str, **more: Any) -> subprocess.CompletedProcess[str]:
        """Run these words, or its own, to their end."""
        return subprocess.run(
            self.argv(list(given)),
            env=self.environment,
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=START_SECONDS,
            **more,
        )

    def start(self, ends: ExitStack, **more: Any) -> None:
        with (self.folder / "output").open("ab") as output:
            self._process = subprocess.Popen(
                self.argv(),
                env=self.environment,
                cwd=self.folder,
                stdout=output,
                stderr=output,
                **more,
            )
        ends.callback(self.stop)

    def ask_to_stop(self) -> None:
        """By the signal that Compose would send."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(getattr(signal, self._service.get("stop_signal", "SIGTERM")))

    def stop(self) -> None:
        self.ask_to_stop()
        if self._process is not None:
            try:
                self._process.wait(60)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(60)

    def await_health(self) -> None:
        """Until its own health check says that it is well."""
        check = health(dict(self._service))
        assert check, self.name
        eventually(lambda: self._well(check), START_SECONDS, every=0.2)

    def _well(self, check: list[str]) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, f"{self.name} ended:\n{self.output()}"
        return self.run(*check).returncode == 0

    def output(self) -> str:
        return (self.folder / "output").read_text(errors="replace")[-6000:]


def redis_program(part: str) -> Path:
    """Redis's own program: of this machine, or the one in a wheel."""
    found = shutil.which(f"redis-{part}") or shutil.which(f"valkey-{part}")
    return Path(found) if found else ROOT / ".tools" / "redis" / "bin" / f"redis-{part}"
