"""What schemathesis has to know of the service beside its document. It imports this by itself.

No check is switched off. What is filtered below is no failure: a request of a right form that is
refused for what it means, which no JSON Schema can tell.
"""

from __future__ import annotations

import os
import re
from typing import Any
from urllib.parse import urlsplit

import schemathesis
from schemathesis import Case, HookContext
from schemathesis.core.failures import Failure
from schemathesis.core.transport import Response

from tests.support.described import document

# The key that all is asked with: without it nothing more would be learnt.
OWN_KEY = os.environ["TRIED_WITH_KEY"].split(".")[1]
# A file's name, type and bytes are judged by the policy, a key is for one request only, and what is
# there may be over.
BEYOND_SCHEMAS = {
    "gone",
    "precondition-failed",
    "range-not-satisfiable",
    "bad-name",
    "digest-mismatch",
    "empty-file",
    "file-too-large",
    "idempotency-mismatch",
    "malformed-file",
    "type-mismatch",
    "type-not-allowed",
}
# A time that is over, a name of blanks, scopes that the caller has not, parts that the upload has
# not, an address that may not be called, a type that cannot be shown, a cursor that was not given,
# digests that are more or fewer than the files.
BEYOND_SCHEMAS_AT = {
    "/disposition",
    "/expires_at",
    "/name",
    "/numbers",
    "/scopes",
    "/url",
    "cursor",
    "sha256",
}
# For JSON Schema 1.0 is an integer. Here it is not: nothing is converted.
WITH_A_POINT = "Input should be a valid integer"


@schemathesis.hook
def filter_case(context: HookContext, case: Case) -> bool:
    """Leave the key alone that all is asked with, and have nobody outside called."""
    if (case.path_parameters or {}).get("key_id") == OWN_KEY:
        return False
    url = case.body.get("url") if isinstance(case.body, dict) else None
    return not isinstance(url, str) or _host(url) in {None, "127.0.0.1"}


@schemathesis.hook
def filter_failure(context: HookContext, failure: Failure, case: Case, response: Response) -> bool:
    """Whether it is one."""
    if type(failure).__name__ != "RejectedPositiveData":
        return True
    problem: dict[str, Any] = response.json()
    if problem["code"] == "malformed":
        return not _digest_is_none(case)
    if problem["code"] != "invalid":
        return problem["code"] not in BEYOND_SCHEMAS
    return not all(_is_beyond(case, one) for one in problem["errors"])


def _host(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None


def _is_beyond(case: Case, wrong: dict[str, str]) -> bool:
    if wrong["detail"] == WITH_A_POINT:
        value: Any = case.body
        for step in wrong["pointer"].split("/")[1:]:
            value = value[int(step) if isinstance(value, list) else step]
        return isinstance(value, float)
    return re.sub(r"/\d+$", "", wrong["pointer"]) in BEYOND_SCHEMAS_AT


def _digest_is_none(case: Case) -> bool:
    """It also sends `Repr-Digest: 0` as valid, which does not match the document's pattern."""
    pattern = document()["components"]["parameters"]["header.Repr-Digest"]["schema"]["pattern"]
    sent = case.headers.get("Repr-Digest")
    return sent is not None and re.fullmatch(pattern, sent) is None
