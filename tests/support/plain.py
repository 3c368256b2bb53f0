"""One request by itself, as of a client that was never here: no cookies, no kept connection.

With patience, and without the machine's certificates: reading them takes longer than the request,
and the service itself speaks no TLS.
"""

from __future__ import annotations

from functools import partial

import httpx

SECONDS = 180
get = partial(httpx.get, timeout=SECONDS, verify=False)
post = partial(httpx.post, timeout=SECONDS, verify=False)
request = partial(httpx.request, timeout=SECONDS, verify=False)
