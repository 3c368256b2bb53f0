"""What webhooks need of the settings, for the web processes that make them and the courier that
calls them: the same rules, the same key, and none of the other parts."""

from __future__ import annotations

from uploads.config import Settings
from uploads.documents.targets import Targets
from uploads.security.sealing import Sealer


def sealer(settings: Settings) -> Sealer:
    """Seals the secrets of webhooks, and opens what an earlier secret key has sealed."""
    secrets = [settings.secret_key.get_secret_value(), *settings.earlier_secret_keys]
    return Sealer(secrets, "webhooks")


def targets(settings: Settings) -> Targets:
    """Where webhooks may go: judged when they are made, and again at each call."""
    return Targets(
        http=settings.webhook_http, ports=settings.webhook_ports, networks=settings.webhook_nets
    )
