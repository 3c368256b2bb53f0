"""Segments that are on their way to the store while the next one is filled."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Shipment:
    """One segment on its way to the store, on a thread of its own."""

    def __init__(self, act: Callable[[], None]) -> None:
        self.error: BaseException | None = None
        self._act = act
        self._thread = threading.Thread(target=self._run, name="shipment", daemon=True)
        self._thread.start()

    def wait(self) -> None:
        self._thread.join()

    def landed(self) -> bool:
        """Whether it is stored and recorded, once that is known."""
        self.wait()
        return self.error is None

    def _run(self) -> None:
        try:
            self._act()
            del self._act  # it knows the one before, which knew the one before
        except BaseException as error:  # noqa: BLE001 -- raised again where it is waited for
            self.error = error
