"""Redirects to addresses that are credentials for as long as they live."""

from __future__ import annotations

from flask import Response, redirect


def to_signed(url: str) -> Response:
    """Redirect to a signed address, which stands in the Location header and nowhere else."""
    response = redirect(url, 302, Response=Response)
    # The page that werkzeug puts under a redirect would repeat the address.
    response.set_data(b"")
    assert isinstance(response, Response)
    return response
