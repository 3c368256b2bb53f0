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
    NotDone,
    NotFound,
    NotReachable,
    NotTrusted,
    UploadsError,
    WaitTimeout,
)
from uploads_client.files import File, Sent
from uploads_client.many import Sending
from uploads_client.retrying import Retries

__all__ = [
    "Client",
    "DigestMismatch",
    "Disposition",
    "Document",
    "EngineReport",
    "File",
    "Link",
    "Method",
    "NotClean",
    "NotDone",
    "NotFound",
    "NotReachable",
    "NotTrusted",
    "Rendition",
    "Retries",
    "Sending",
    "Sent",
    "UploadsError",
    "Verdict",
    "WaitTimeout",
]
