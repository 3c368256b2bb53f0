"""The courier's calls, as they are, each counted by what came of it."""

from __future__ import annotations

from collections.abc import Mapping

from uploads.metrics import WEBHOOK_CALLS
from workers.courier.call import Caller, CallFailed
from workers.courier.visit import word_for


class CountedCaller(Caller):
    """`Caller` that counts; a call that was cut short by the process's end is none."""

    def post(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
        try:
            status = super().post(url, headers, body)
        except CallFailed as failed:
            WEBHOOK_CALLS.count(failed.word)
            raise
        WEBHOOK_CALLS.count(word_for(status) or "delivered")
        return status
