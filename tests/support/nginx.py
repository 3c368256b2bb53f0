"""The real nginx with the configuration that is shipped, on free ports of loopback.

Only the values of `infra/nginx/site` are replaced: names, ports, paths. Ended by its process id.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import httpx
import psutil

from tests.support import raw
from tests.support.ports import free_port
from tests.support.waiting import eventually

SHIPPED = Path(__file__).resolve().parents[2] / "infra" / "nginx"
APP, CONTENT, STORE = "uploads.test", "uploads-content.test", "uploads-store.test"
_OTHER_FOLDERS = "fastcgi_temp_path {0}; uwsgi_temp_path {0}; scgi_temp_path {0};"


def program() -> str:
    """nginx's own program, which Debian keeps out of a user's path."""
    found = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    assert found, "nginx is missing: apt install nginx"
    return found


class Nginx:
    """One nginx in front of the service on `upstream`; `changes` replace further shipped text.

    `public_port` is the port in the service's public names, where it is not this one's own.
    """

    def __init__(
        self,
        upstream: Path | None = None,
        changes: Mapping[str, str] | None = None,
        public_port: int | None = None,
    ) -> None:
        # Short, because of the sockets' paths.
        self.folder = Path(tempfile.mkdtemp(prefix="ngx-", dir="/tmp"))
        self.upstream = upstream or self.folder / "web.sock"
        self.port, self.plain_port = free_port(), free_port()
        self.app_url = f"https://{APP}:{self.port}"
        self.content_url = f"https://{CONTENT}:{self.port}"
        self.store_url = f"https://{STORE}:{self.port}"
        self._public_port = public_port or self.port
        self._process: subprocess.Popen[bytes] | None = None
        shutil.copytree(SHIPPED, self.folder / "conf")
        self._certificate()
        self._settle({**self._values(), **(changes or {})})

    def twin(self, changes: Mapping[str, str] | None = None) -> Nginx:
        """Another one before the same service, under the same public names."""
        return Nginx(self.upstream, changes, self.port)

    # --- its life ---

    def command(self, *more: str) -> list[str]:
        config = str(self.folder / "conf" / "nginx.conf")
        return [program(), "-p", str(self.folder), "-c", config, "-e", "stderr", *more]

    def start(self) -> Nginx:
        with (self.folder / "output").open("ab") as output:
            self._process = subprocess.Popen(
                self.command("-g", "daemon off;"), stdout=output, stderr=output
            )
        eventually(self._listens, 60)
        return self

    def reload(self) -> None:
        """Read the configuration anew, and wait until none that has not takes connections."""
        before = self.workers()
        self.signal(signal.SIGHUP)
        eventually(lambda: bool(now := self.accepting()) and not now & before, 60)

    def reach_store(self, endpoint: str) -> None:
        """Lead the store's name to this address, which is known only once the service runs."""
        file = self.folder / "conf" / "site" / "service.conf"
        shipped, here = "server 127.0.0.1:8001;", f"server {endpoint.removeprefix('http://')};"
        assert shipped in file.read_text()
        file.write_text(file.read_text().replace(shipped, here))
        self.reload()

    def workers(self) -> set[int]:
        return {child.pid for child in psutil.Process(self.pid).children()}

    def accepting(self) -> set[int]:
        """Those that take connections. One that ends closes what it listens on first, and then
        finishes its work."""
        found = set()
        for pid in self.workers():
            with suppress(psutil.NoSuchProcess):
                open_now = psutil.Process(pid).net_connections("tcp")
                found |= {pid for one in open_now if one.status == psutil.CONN_LISTEN}
        return found

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def signal(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    def wait(self, seconds: float = 60) -> int:
        """Its exit code, once it has ended."""
        assert self._process is not None
        return self._process.wait(seconds)

    def close(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            self._process.wait(60)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _listens(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self.folder / "output").read_text()
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=5).close()
        except ConnectionError:
            return False
        return True

    # --- its configuration ---

    def _values(self) -> dict[str, str]:
        folder, user = self.folder, pwd.getpwuid(os.getuid()).pw_name
        return {
            "user www-data;": f"user {user};",
            "/run/nginx.pid": f"{folder}/nginx.pid",
            "/var/log/nginx/uploads-error.log": f"{folder}/error.log",
            "/var/log/nginx/uploads.log": f"{folder}/access.log",
            "/run/uploads/web.sock": str(self.upstream),
            "default uploads.example.org;": f"default {APP}:{self._public_port};",
            "default uploads-content.example.org;": f"default {CONTENT}:{self._public_port};",
            "client_body_temp_path /var/lib/nginx/body;": f"client_body_temp_path {folder}/temp;"
            + _OTHER_FOLDERS.format(folder / "temp"),
            "/var/lib/nginx/proxy": f"{folder}/temp",
            "server_name uploads.example.org;": f"server_name {APP};",
            "server_name uploads-content.example.org;": f"server_name {CONTENT};",
            "default uploads-store.example.org;": f"default {STORE}:{self._public_port};",
            "server_name uploads-store.example.org;": f"server_name {STORE};",
            "/etc/uploads/tls/store": f"{folder}/tls",
            "/etc/uploads/tls/app": f"{folder}/tls",
            "/etc/uploads/tls/content": f"{folder}/tls",
            "listen 443 ssl;": f"listen 127.0.0.1:{self.port} ssl;",
            "listen 80;": f"listen 127.0.0.1:{self.plain_port};",
            "listen [::]:443 ssl;": "",
            "listen [::]:80;": "",
        }

    def _settle(self, values: Mapping[str, str]) -> None:
        """Put in the values; what is not there to be replaced was renamed without us."""
        missing = set(values)
        for file in sorted((self.folder / "conf").rglob("*.conf")):
            text = file.read_text()
            for old, new in values.items():
                if old in text:
                    missing.discard(old)
                    text = text.replace(old, new)
            file.write_text(text)
        assert not missing, missing

    def _certificate(self) -> None:
        """One for all hosts, signed by itself."""
        key, certificate = self.folder / "tls.key", self.folder / "tls.crt"
        names = f"subjectAltName=DNS:{APP},DNS:{CONTENT},DNS:{STORE}"
        words = (
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=test"
        )
        subprocess.run(
            ["openssl", *words.split(), "-addext", names, "-keyout", key, "-out", certificate],
            check=True,
            capture_output=True,
        )

    # --- how to speak to it ---

    @property
    def trust(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self.folder / "tls.crt")

    def transport(self) -> httpx.BaseTransport:
        """Reaches its names, which no resolver knows."""
        return _Loopback(verify=self.trust)

    def client(self) -> httpx.Client:
        """A client of the app's host."""
        return httpx.Client(base_url=self.app_url, transport=self.transport(), timeout=raw.SECONDS)

    def connect(self, name: str = APP, seconds: float = raw.SECONDS) -> ssl.SSLSocket:
        """A connection over TLS, made for this name."""
        plain = socket.create_connection(("127.0.0.1", self.port), timeout=seconds)
        return self.trust.wrap_socket(plain, server_hostname=name)

    def exchange(self, *pieces: bytes, name: str = APP) -> raw.Answer:
        """Send the bytes as they are, and read one answer."""
        with self.connect(name) as connection:
            return raw.exchange_on(connection, pieces)

    def everything(self, request: bytes) -> bytes:
        """All that comes back until nginx closes the connection."""
        with self.connect() as connection:
            connection.sendall(request)
            return b"".join(iter(lambda: _received(connection), b""))

    def log(self) -> str:
        """The access log as it is now."""
        return (self.folder / "access.log").read_text()


class _Loopback(httpx.HTTPTransport):
    def handle_request(self, request: httpx.Request) -> httpx.Response:
        name = request.url.host
        here = httpx.Request(
            request.method,
            request.url.copy_with(host="127.0.0.1"),
            headers=request.headers,
            stream=request.stream,
            extensions={**request.extensions, "sni_hostname": name},
        )
        return super().handle_request(here)


def _received(connection: ssl.SSLSocket) -> bytes:
    try:
        return connection.recv(65536)
    except ConnectionResetError:
        return b""
