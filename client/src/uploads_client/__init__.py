"""Client of Uploads, a self-hosted service for secure file uploads.

with Client("https://uploads.example.org", key) as client:
    document = client.wait(client.upload("report.pdf"))
    print(document.state, document.sha256)
"""

from uploads_client.answers import Document, EngineReport, Link, Rendition, Verdict
from uploads_client.client import Client, Disposition, Method
from uploads_client.errors import (
    DigestMismatch,
    NotClean,
    NotFound,
    NotReachable,
    NotTrusted,
    UploadsError,
    WaitTimeout,
)
from uploads_client.retrying import Retries

__all__ = [
    "Client",
    "DigestMismatch",
    "Disposition",
    "Document",
    "EngineReport",
    "Link",
    "Method",
    "NotClean",
    "NotFound",
    "NotReachable",
    "NotTrusted",
    "Rendition",
    "Retries",
    "UploadsError",
    "Verdict",
    "WaitTimeout",
]
