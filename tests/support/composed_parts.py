"""The parts of docker-compose.yml that are not ours, put in order to be started as processes.

What each of them needs beside its own words, because no image has prepared it: PostgreSQL its data
folder, ClamAV its signatures, nginx its certificates, the store its stand-in.
"""

from __future__ import annotations

import json
import os
import pwd
import shutil
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import urllib3

from tests.support.clamd import SIGNATURE
from tests.support.compose import HOSTS, ROOT, SECONDS, Deployment
from tests.support.composed import START_SECONDS, Container, redis_program
from tests.support.hostile_files import eicar
from tests.support.ports import free_port
from tests.support.postgres import identity, newest_binaries
from tests.support.waiting import eventually

COUNTING = ("web", "worker", "courier", "schedule")
PORTS = (
    *("web", "redis", "postgres", "store", "https", "http", "prometheus"),
    *(f"metrics of {name}" for name in COUNTING),
)


def programs() -> dict[str, dict[str, str]]:
    """For each service the programs that are found elsewhere, or are others, here."""
    binaries = newest_binaries()
    return {
        "redis": {"valkey-server": str(redis_program("server"))},
        "postgres": {name: str(binaries / name) for name in ("postgres", "pg_isready")},
    }


def swaps(ports: dict[str, int], root: Path) -> dict[str, dict[str, str]]:
    """For each service the texts that are other ones here, beside the places of its mounts."""
    peers = {
        f"{name}:{port}": f"127.0.0.1:{ports[name]}"
        for name, port in (("redis", 6379), ("postgres", 5432), ("store", 8333))
    }
    here = {name: f"127.0.0.1:{ports[f'metrics of {name}']}" for name in COUNTING}
    ours = {name: {**peers, "0.0.0.0:9101": here[name]} for name in COUNTING}
    return {
        **ours,
        "bootstrap": peers,
        "web": {**ours["web"], "127.0.0.1:8000": f"127.0.0.1:{ports['web']}"},
        "redis": {
            "valkey-cli": str(redis_program("cli")),
            "6379": str(ports["redis"]),
            "bind * -::*": "bind 127.0.0.1",
        },
        "postgres": {
            "--port=5432": f"--port={ports['postgres']}",
            "listen_addresses = '*'": f"listen_addresses = '127.0.0.1'\nport = {ports['postgres']}",
            # Debian's has its socket where the image has, and that belongs to no test.
            "password_encryption": "unix_socket_directories = ''\npassword_encryption",
        },
        # A user of Debian's is another one than the image's; who runs the tests need not be root.
        "clamd": {"User clamav": "", "LocalSocketGroup clamav": ""},
        "prometheus": {
            "9090": str(ports["prometheus"]),
            "0.0.0.0": "127.0.0.1",
            # There are no names of containers to be looked up.
            **{
                _named(name): f'static_configs: [{{ targets: ["{here[name]}"] }}]'
                for name in COUNTING
            },
            "scrape_interval: 15s": "scrape_interval: 1s",
        },
        "nginx": {**peers, **_nginx(ports, root / "nginx" / "fs" / "tmp")},
    }


def _named(name: str) -> str:
    asked = f"names: [{name}], type: A, port: 9101, refresh_interval: 15s"
    return f"dns_sd_configs: [{{ {asked} }}]"


def _nginx(ports: dict[str, int], temp: Path) -> dict[str, str]:
    me = pwd.getpwuid(os.getuid()).pw_name
    others = "".join(f" {name}_temp_path {temp};" for name in ("fastcgi", "uwsgi", "scgi"))
    return {
        "listen 443 ssl;": f"listen 127.0.0.1:{ports['https']} ssl;",
        "listen 80;": f"listen 127.0.0.1:{ports['http']};",
        "listen [::]:443 ssl;": "",
        "listen [::]:80;": "",
        "http://127.0.0.1/": f"http://127.0.0.1:{ports['http']}/",
        # Root would make its workers nobody, who may not enter the folder of the socket.
        "pid /tmp/nginx.pid;": f"user {me}; pid {temp}/nginx.pid;",
        # Debian's nginx has its folders elsewhere.
        "proxy_temp_path /tmp/proxy;": f"proxy_temp_path {temp}/proxy;{others}",
    }


def make_database(deployment: Deployment, postgres: Container) -> dict[str, Any]:
    """What the image's entrypoint does with an empty data folder; returns whom to start it as."""
    binaries, who = newest_binaries(), identity(postgres.folder)
    data, options = postgres.environment["PGDATA"], postgres.environment["POSTGRES_INITDB_ARGS"]
    for folder in (Path(data).parent, *postgres.folder.iterdir()):
        if who and folder.is_dir():
            shutil.chown(folder, "postgres", "postgres")
    script = postgres.here("/docker-entrypoint-initdb.d/10-uploads.sql")
    password = postgres.environment["POSTGRES_PASSWORD_FILE"]
    _done(
        [
            *(binaries / "initdb", "-D", data, "-U", "postgres", "--no-sync"),
            *("--auth-local=trust", f"--pwfile={password}", *options.split()),
        ],
        who,
    )
    # As an image does: for the script alone it listens on a socket, and nobody else can come.
    own = f"-c listen_addresses='' -k {postgres.folder}"
    control = [binaries / "pg_ctl", "-D", data, "-w", "-s", "-l", postgres.folder / "first.log"]
    (postgres.folder / "first.log").touch()
    if who:
        shutil.chown(postgres.folder / "first.log", "postgres", "postgres")
    _done([*control, "-o", own, "start"], who)
    try:
        words = ["psql", "-v", "ON_ERROR_STOP=1", "--no-psqlrc", "-h", postgres.folder]
        _done([*words, "-U", "postgres", "-d", "postgres", "-f", script], who)
    finally:
        _done([*control, "-m", "fast", "stop"], who)
    return who


def _done(command: list[Any], who: dict[str, Any]) -> None:
    done = subprocess.run(command, cwd="/", capture_output=True, text=True, timeout=SECONDS, **who)
    assert done.returncode == 0, done.stdout + done.stderr


def give_signature(clamd: Container) -> None:
    """One signature, where freshclam would have brought millions."""
    name = SIGNATURE.removesuffix(".UNOFFICIAL")
    place = Path(clamd.here("/var/lib/clamav")) / "test.ndb"
    place.write_text(f"{name}:0:*:{eicar().hex()}\n")


def make_certificates(deployment: Deployment) -> None:
    """By the script that the profile `dev` runs."""
    script = ROOT / "infra" / "compose" / "make-certificates"
    _done(["/bin/sh", script, deployment.folder / "tls", *HOSTS], {})


def start_store(deployment: Deployment, folder: Path, port: int, ends: ExitStack) -> None:
    """rclone with the keys of all identities that SeaweedFS would be given."""
    identities = json.loads(deployment.secret("s3-identities"))["identities"]
    keys = [one["credentials"][0] for one in identities]
    folder.mkdir()
    command = [
        str(Path(sys.executable).with_name("rclone")), "serve", "s3", str(folder), "--config=",
        f"--addr=127.0.0.1:{port}", "--ignore-checksum", "--etag-hash=none",
        "--vfs-cache-mode=off", "--buffer-size=0", "--log-level=ERROR",
        *(f"--auth-key={one['accessKey']},{one['secretKey']}" for one in keys),
    ]  # fmt: skip
    process = subprocess.Popen(command)
    ends.callback(lambda: (process.terminate(), process.wait(60)))
    eventually(lambda: _answers(port), START_SECONDS)


def _answers(port: int) -> bool:
    try:
        return urllib3.request("GET", f"http://127.0.0.1:{port}/", retries=False).status > 0
    except urllib3.exceptions.HTTPError:
        return False


def free_ports() -> dict[str, int]:
    return {name: free_port() for name in PORTS}
