"""Client of Uploads, a self-hosted service for secure file uploads.

with Client("https://uploads.example.org", key) as client:
    document = client.wait(client.upload("report.pdf"))
    print(document.state, document.sha256)

What is named here is loaded when it is first asked for: the command hears Ctrl-C before.
"""

from importlib import import_module

# Known to type checkers, without the module that has it, which would be loaded first.
TYPE_CHECKING = False
if TYPE_CHECKING:
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

__version__ = "0.1.0"
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
_HOMES = ("answers", "client", "errors", "files", "many", "retrying")


def __getattr__(name: str) -> object:
    if name in __all__:
        for home in _HOMES:
            found = vars(import_module(f"{__name__}.{home}"))
            if name in found:
                return found[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
