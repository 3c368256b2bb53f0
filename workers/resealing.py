"""The last step of a change of UPLOADS_SECRET_KEY: nothing sealed needs the earlier key any more.

Webhook by webhook in small transactions: it may be killed and run again at any time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from uploads.documents.webhooks import Webhook
from uploads.records.protocol import Records, Work
from uploads.security.sealing import Sealer, Unreadable

_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class Resealed:
    """How many secrets were sealed anew, and the webhooks with one that no key opens."""

    renewed: int
    unreadable: Sequence[str]


def reseal(records: Records, sealer: Sealer) -> Resealed:
    """Seal the secrets of all webhooks under the present key. Raises RecordsUnavailable."""
    renewed, unreadable, last = 0, list[str](), ""
    while found := records.write(partial(_reseal_some, sealer=sealer, after=last)):
        for webhook_id, count in found:
            renewed += count or 0
            if count is None:
                unreadable.append(webhook_id)
        last = found[-1][0]
    return Resealed(renewed, unreadable)


def _reseal_some(work: Work, sealer: Sealer, after: str) -> list[tuple[str, int | None]]:
    """The webhooks after this one, each with how many secrets it has; None where one stays shut."""
    found = work.webhooks.following(after, _AT_ONCE)
    return [(one.id, _renew(work, sealer, one)) for one in found]


def _renew(work: Work, sealer: Sealer, webhook: Webhook) -> int | None:
    try:
        secrets = tuple(
            replace(secret, sealed=sealer.renew(secret.sealed)) for secret in webhook.secrets
        )
    except Unreadable:
        return None
    work.webhooks.change(replace(webhook, secrets=secrets))
    return len(secrets)
