"""Bodies of requests to a store: as long as was announced, or none at all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from uploads.documents.errors import StorageUnavailable


class Exactly:
    """A body that breaks off the request rather than leave the server waiting for bytes."""

    def __init__(self, pieces: Iterable[bytes], size: int) -> None:
        self._pieces = pieces
        self._size = size

    def __iter__(self) -> Iterator[bytes]:
        sent = 0
        for piece in self._pieces:
            sent += len(piece)
            if sent > self._size:
                break
            yield piece
        if sent != self._size:
            raise StorageUnavailable(f"a body of {self._size} bytes has {sent}")
