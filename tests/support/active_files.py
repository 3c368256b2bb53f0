"""Samples of the types that are off unless the operator names them."""

from __future__ import annotations

from collections.abc import Callable


def svg() -> bytes:
    return (
        b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" width="9" height="9" '
        b'onload="alert(1)"><image href="http://127.0.0.1:9/canary"/><rect/></svg>'
    )


def html() -> bytes:
    return b"<!DOCTYPE html>\n<html><script>alert(1)</script><p>Hello</html>\n"


ACTIVE: dict[str, Callable[[], bytes]] = {"svg": svg, "html": html}
