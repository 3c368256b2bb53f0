"""For operators and their probes: /livez, /readyz and /metrics, seen from the inside only."""

from __future__ import annotations

from collections.abc import Callable

import structlog
from flask import Blueprint, Response, current_app, jsonify, request
from redis import Redis

from uploads import clock, readiness, scanner, tallies
from uploads.documents.errors import NotFound, Unauthenticated, Unavailable, UploadsError
from uploads.gauges import Gauges
from uploads.lanes import elsewhere
from uploads.office import ON, OfficeWord
from uploads.openapi.describing import Answer, Content, described
from uploads.openapi.service_shapes import Alive, Readiness
from uploads.probing import Look, Parts, Probes
from uploads.security.hosts import OPERATIONS, on_content_host
from uploads.security.principals import services
from uploads.wiring import Services

blueprint = Blueprint(OPERATIONS, __name__)
_UNKNOWN_JOBS = {"status": "degraded", "detail": "jobs: unknown"}
_UNKNOWN_GRANTS = {"status": "degraded", "detail": "grants: unknown"}
_UNKNOWN_ENGINES = {"status": "degraded", "detail": "engines: unknown"}
_log = structlog.get_logger(__name__)


@blueprint.get("/livez")
@described("live", Answer(200, "It answers.", Alive), problems=(NotFound,), public=True)
def live() -> Response:
    """This process answers."""
    return jsonify(status="ok")


@blueprint.get("/readyz")
@described(
    "ready",
    Answer(200, "It works, perhaps degraded.", Readiness),
    Answer(503, "It cannot take or serve files.", Readiness),
    problems=(NotFound,),
    public=True,
)
def ready() -> Response:
    """Each part by name: 200 `ok` or `degraded`, 503 when files could not be taken or served."""
    kept = current_app.extensions
    probes: Probes = kept.get("uploads.probes") or kept.setdefault(
        "uploads.probes", _probes(services())
    )
    parts = probes.look()
    if parts["database"]["status"] != "ok":
        parts["jobs"] = _UNKNOWN_JOBS
    states = {part["status"] for part in parts.values()}
    status = next((word for word in ("unavailable", "degraded") if word in states), "ok")
    response = jsonify(status=status, parts=parts)
    response.status_code = 503 if status == "unavailable" else 200
    return response


@blueprint.get("/metrics")
@described(
    "metrics",
    Answer(200, "What was counted and looked up.", Content("text/plain")),
    problems=(NotFound, Unauthenticated, Unavailable),
    public=True,
)
def metrics() -> Response:
    """What all processes of this machine count, in the text format of Prometheus.

    Where UPLOADS_METRICS_TOKEN is set it must be sent as a bearer token.
    """
    if on_content_host():
        raise NotFound
    settings = services().settings
    token = settings.metrics_token.get_secret_value()
    if token and not tallies.authorized(request.headers.get("Authorization", ""), token):
        raise Unauthenticated
    gauges: Gauges = current_app.extensions["uploads.gauges"]
    reading = gauges.read()
    try:
        text = elsewhere(lambda: tallies.exposition(settings.metrics_folder, reading))
    except (OSError, ValueError) as error:
        raise Unavailable(str(error)) from error
    return Response(text, content_type=tallies.CONTENT_TYPE)


def _probes(found: Services) -> Probes:
    """Each part with what is said of it where it does not answer."""
    otherwise = _without_scanner(found)
    return Probes(
        Look(
            lambda: {"database": _probe("database", found.records.ready)},
            {"database": {"status": "unavailable"}},
        ),
        Look(
            lambda: {"storage": _probe("storage", found.storage.ready)},
            {"storage": {"status": "unavailable"}},
        ),
        Look(
            lambda: {"redis": _probe("redis", lambda: _ping_redis(found), otherwise="degraded")},
            {"redis": {"status": "degraded"}},
        ),
        Look(
            lambda: {"disk": _probe("disk", found.disk.check)}, {"disk": {"status": "unavailable"}}
        ),
        Look(
            lambda: _inspection(found),
            {"virus_scanner": {"status": otherwise}, "engines": _UNKNOWN_ENGINES},
        ),
        Look(
            lambda: {"office_previews": _office(found)},
            {"office_previews": {"status": "degraded", "detail": "office previews: unknown"}},
        ),
        Look(lambda: {"grants": _grants(found)}, {"grants": _UNKNOWN_GRANTS}),
        Look(lambda: {"jobs": _jobs(found)}, {"jobs": _UNKNOWN_JOBS}),
        Look(lambda: {"parser_cell": _cell(found)}, {}),
    )


def _probe(name: str, check: Callable[[], None], otherwise: str = "unavailable") -> dict[str, str]:
    try:
        check()
    except (UploadsError, OSError, ValueError) as error:
        _log.warning("not_ready", part=name, cause=repr(error))
        return {"status": otherwise}
    except Exception as error:  # noqa: BLE001  a probe reports whatever a driver raises
        _log.error("probe_failed", part=name, exc_info=error)
        return {"status": otherwise}
    return {"status": "ok"}


def _ping_redis(found: Services) -> None:
    url = found.settings.redis_url
    with Redis.from_url(url, socket_connect_timeout=1, socket_timeout=1) as client:
        client.ping()


def _inspection(found: Services) -> Parts:
    """The engines and the virus scanner: what they are worth, as far as the database knows."""
    now = clock.now()
    try:
        canaries = readiness.recent(found, now)
    except UploadsError as error:
        _log.warning("not_ready", part="engines", cause=repr(error))
        return {"virus_scanner": _scanner(found), "engines": _UNKNOWN_ENGINES}
    engines = readiness.engines_part(found, canaries)
    if engines["status"] != "ok":
        _log.warning("not_ready", part="engines", cause=engines["detail"])
    part = _scanner(found)
    if part["status"] == "ok":
        part = readiness.scanner_part(found, canaries, now) or part
    return {"virus_scanner": part, "engines": engines}


def _without_scanner(found: Services) -> str:
    """What a service is whose scanner is missing or silent: in production not fit for use."""
    return "unavailable" if found.settings.env == "production" else "degraded"


def _scanner(found: Services) -> dict[str, str]:
    otherwise = _without_scanner(found)
    address = found.clamd_address
    if address is None:
        return {"status": otherwise, "detail": "virus scanner: not configured"}
    part = _probe("virus_scanner", lambda: scanner.ping(address), otherwise)
    answers = "configured" if part["status"] == "ok" else "configured, but does not answer"
    return {**part, "detail": f"virus scanner: {answers}"}


def _cell(found: Services) -> dict[str, str]:
    """A worker whose cell does not hold does not start, unless an operator gave it up."""
    word = found.settings.cell
    status = "ok" if word == "confined" else "degraded"
    return {"status": status, "detail": f"parser cell: {word}"}


def _office(found: Services) -> dict[str, str]:
    """Who wants previews by LibreOffice shall learn it when a worker cannot make them."""
    settings = found.settings
    word = "off" if settings.office == "off" else OfficeWord(settings.redis_url).read()
    fine = settings.office == "off" or word == ON
    return {"status": "ok" if fine else "degraded", "detail": f"office previews: {word}"}


def _grants(found: Services) -> dict[str, str]:
    """Whether clients are given signed URLs."""
    try:
        part = readiness.grants_part(readiness.last_proof(found), clock.now())
    except UploadsError as error:
        _log.warning("not_ready", part="grants", cause=repr(error))
        return _UNKNOWN_GRANTS
    if part["status"] != "ok":
        _log.warning("not_ready", part="grants", cause=part["detail"])
    return part


def _jobs(found: Services) -> dict[str, str]:
    """Whether inspection keeps up. A file that waits is not lost: to be late is to be degraded.

    Counted from a job's beginning, so that one which is put off again and again shows as well.
    """
    try:
        backlog = found.records.read(lambda work: work.jobs.backlog())
    except UploadsError as error:
        _log.warning("not_ready", part="jobs", cause=repr(error))
        return _UNKNOWN_JOBS
    if not backlog:
        return {"status": "ok", "detail": "jobs: none"}
    count = sum(number for number, _ in backlog.values())
    oldest = min(since for _, since in backlog.values())
    age = round((clock.now() - oldest).total_seconds())
    late = age > found.settings.backlog_seconds
    detail = f"jobs: {count}, the oldest {age} seconds old"
    if late:
        _log.warning("not_ready", part="jobs", cause=detail)
    return {"status": "degraded" if late else "ok", "detail": detail}
