"""What browsers report: violations of the Content-Security-Policy. Logged, never answered."""

from __future__ import annotations

import re

import structlog
from flask import Response, request

from uploads.documents.errors import Malformed, UnsupportedMediaType
from uploads.web import blueprint

_KINDS = frozenset({"application/csp-report", "application/reports+json", "application/json"})
_SHOWN = ("document-uri", "blocked-uri", "violated-directive", "effective-directive", "line-number")
_SECRETIVE = re.compile(r"[?#].*|(?<=/renditions/).*", re.S)  # queries and tokens stay out
_log = structlog.get_logger(__name__)


@blueprint.post("/csp-reports")
def csp_report() -> Response:
    """Note one report. Without credentials by design: browsers send none that we could check."""
    if request.mimetype not in _KINDS:
        raise UnsupportedMediaType
    try:
        report = request.get_json(force=True, silent=True)
    except RecursionError as error:
        raise Malformed from error
    if not isinstance(report, dict | list):
        raise Malformed
    body = report.get("csp-report", report) if isinstance(report, dict) else {"count": len(report)}
    if not isinstance(body, dict):
        raise Malformed
    seen = {name: _SECRETIVE.sub("", str(body[name]))[:200] for name in _SHOWN if name in body}
    _log.warning("csp_report", report=seen)
    return Response(status=204)
