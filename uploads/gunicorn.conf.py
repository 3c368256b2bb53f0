# ruff: noqa: N999 -- the name that gunicorn's own documentation gives it
"""How gunicorn serves the app: a few processes of many greenlets, and a bound on everything.

Read by `gunicorn -c`; takes its numbers from the settings and knows nothing of the app itself.
The app's modules are imported before the first fork, and shared; the app is made after it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gunicorn

from uploads import ahead, logs
from uploads.config import Settings
from uploads.descriptors import raise_descriptor_limit
from uploads.lifeline import die_with_parent

# Clients need not know what serves them; read when gunicorn.http.wsgi is imported, after this.
gunicorn.SERVER = "uploads"

_SHM = "/dev/shm"  # noqa: S108
_settings = Settings.load()

wsgi_app = "uploads.app:create_app()"
bind = [f"127.0.0.1:{_settings.port}"]
if _settings.socket:
    bind.append(f"unix:{_settings.socket}")
if _settings.web_metrics_listen:
    bind.append(_settings.web_metrics_listen)
worker_class = "uploads.serving.Worker"
workers = _settings.web_processes
worker_connections = _settings.web_connections
# Thousands of clients may begin within one second; the kernel holds as many as somaxconn allows.
backlog = 4096
timeout = 60
graceful_timeout = 30
keepalive = _settings.idle_seconds
# The workers' heartbeat: in memory, so that a slow disk does not look like a dead worker.
worker_tmp_dir = _SHM if Path(_SHM).is_dir() else None

# What strangers send first is read by Python and never by C, whatever wheels there are.
http_parser = "python"
# What a request may weigh before the app sees it.
limit_request_line = 8190
limit_request_fields = 64
limit_request_field_size = 8190

# The app trusts proxies by one rule of its own, and logs requests itself.
forwarded_allow_ips = ""
# On a unix socket gunicorn would let anybody name these two.
forwarder_headers = ""
accesslog = None
logger_class = "uploads.serving.Log"
loglevel = "warning"
logconfig_dict = logs.GUNICORN
control_socket_disable = True
proc_name = "uploads"


def on_starting(server: Any) -> None:
    """Before the first fork: logs in our form, and as many connections as the system grants."""
    del server
    logs.configure(_settings.log_level, "web")
    raise_descriptor_limit()


def when_ready(server: Any) -> None:
    """The master has its sockets and its queue of signals, which know no greenlets: now the app."""
    del server
    ahead.import_app()


def post_fork(server: Any, worker: Any) -> None:
    """A worker process never outlives the master."""
    del server
    die_with_parent(worker.ppid)
