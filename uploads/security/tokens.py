"""Short-lived tokens for the content host, which knows no cookies and no keys."""

from __future__ import annotations

from itsdangerous import BadData, URLSafeTimedSerializer

from uploads.documents.errors import NotFound


class SignedTokens:
    """`ContentTokens` signed with the service's secret; a token dies after `seconds`."""

    def __init__(self, secret: str, seconds: int = 300) -> None:
        self._serializer = URLSafeTimedSerializer(secret, salt="uploads.content")
        self._seconds = seconds

    def issue(self, document_id: str, rendition: str) -> str:
        return str(self._serializer.dumps([document_id, rendition]))

    def read(self, token: str, seconds: int | None = None) -> tuple[str, str]:
        oldest = self._seconds if seconds is None else min(self._seconds, seconds)
        try:
            document_id, rendition = self._serializer.loads(token, max_age=oldest)
        except (BadData, ValueError, TypeError) as error:
            raise NotFound from error
        return str(document_id), str(rendition)
