"""Reads one HTTP response as it comes in: its status, and where it ends (RFC 9112, section 6)."""

from __future__ import annotations

_HEAD_END = b"\r\n\r\n"
_LAST_CHUNK = b"0\r\n\r\n"


class Reply:
    """One response. `done` once it is complete; `status` is 0 until the headers are there."""

    def __init__(self) -> None:
        self.status = 0
        self.done = False
        self.closes = False
        self._data = b""
        self._left: int | None = None
        self._chunked = False

    @property
    def begun(self) -> bool:
        return bool(self.status or self._data)

    @property
    def body(self) -> bytes:
        """The whole body of an answer that told its length."""
        return self._data

    @property
    def text(self) -> str:
        """What is known of the body's beginning, for an error message."""
        return self._data.decode("latin-1")[:300]

    def feed(self, data: bytes) -> None:
        """Take what was read; an empty piece is the end of the connection."""
        if not data:
            self.closes = True
            self.done = self.status > 0 and self._left is None and not self._chunked
            return
        self._data += data
        while not self.status and _HEAD_END in self._data:
            self._read_head()
        if self.status:
            self._see_whether_done()

    def _read_head(self) -> None:
        head, _, self._data = self._data.partition(_HEAD_END)
        first, *lines = head.decode("latin-1").split("\r\n")
        status = int(first.split(" ", 2)[1])
        if 100 <= status < 200:
            return
        self.status = status
        headers = {
            name.strip().lower(): value.strip().lower()
            for name, _, value in (line.partition(":") for line in lines)
        }
        self.closes = headers.get("connection") == "close" or first.startswith("HTTP/1.0")
        self._chunked = "chunked" in headers.get("transfer-encoding", "")
        if status == 204:
            self._left = 0
        elif not self._chunked and "content-length" in headers:
            self._left = int(headers["content-length"])

    def _see_whether_done(self) -> None:
        if self._left is not None:
            self.done = len(self._data) >= self._left
        elif self._chunked:
            self.done = self._data.endswith(_LAST_CHUNK)
