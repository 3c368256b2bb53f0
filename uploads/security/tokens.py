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

    def read(self, token: str) -> tuple[str, str]:
        try:
            document_id, rendition = self._serializer.loads(token, max_age=self._seconds)
        except (BadData, ValueError, TypeError) as error:
            raise NotFound from error
        return str(document_id), str(rendition)
