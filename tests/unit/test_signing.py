"""Our signatures are those of botocore, whatever is signed."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import parse_qsl, quote, urlsplit

import pytest
from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from uploads.storage.keys import Keys
from uploads.storage.signing import Signer

ACCESS, SECRET = "AKIDEXAMPLE/+", "wJalrXUtnFEMI/K7MDENG+bPxRfiCY"
_FROM, _TO = (datetime(year, 1, 1) for year in (2020, 2090))  # noqa: DTZ001 -- as hypothesis wants
MOMENTS = st.datetimes(min_value=_FROM, max_value=_TO, timezones=st.just(UTC))
KEYS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=40)


def of_botocore(
    endpoint: str,
    method: str,
    path: str,
    headers: dict[str, str],
    now: datetime,
    token: str = "",
    asked: dict[str, str] | None = None,
) -> str:
    """What boto3's own signer makes of the same."""
    signer = S3SigV4QueryAuth(
        Credentials(ACCESS, SECRET, token or None), "s3", "eu-central-1", expires=900
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("botocore.auth.get_current_datetime", lambda: now.replace(tzinfo=None))
        url = endpoint + quote(path, safe="/~")
        request = AWSRequest(method=method, url=url, headers=headers, params=asked or {})
        signer.add_auth(request)
    return str(request.url)


def parts(url: str) -> tuple[str, str, list[tuple[str, str]]]:
    split = urlsplit(url)
    query = parse_qsl(split.query, keep_blank_values=True, strict_parsing=True)
    return split.netloc, split.path, sorted(query)


@given(
    endpoint=st.sampled_from(["http://127.0.0.1:9000", "https://s3.eu-central-1.amazonaws.com"]),
    method=st.sampled_from(["GET", "PUT", "HEAD", "DELETE"]),
    key=KEYS,
    size=st.none() | st.integers(0, 2**40),
    now=MOMENTS,
    token=st.sampled_from(["", "IQoJb3JpZ2luX2VjEJr//+/=a b"]),
    asked=st.dictionaries(
        st.sampled_from(["prefix", "list-type", "continuation-token", "response-content-type"]),
        st.text(st.characters(codec="utf-8"), max_size=20),
    ),
)
def test_a_url_is_the_one_that_botocore_makes(
    endpoint: str,
    method: str,
    key: str,
    size: int | None,
    now: datetime,
    token: str,
    asked: dict[str, str],
) -> None:
    headers = (
        {} if size is None else {"Content-Type": "text/plain;  a=b ", "Content-Length": str(size)}
    )
    path = f"/bucket/{key}"
    ours = Signer(endpoint, "eu-central-1", lambda: Keys(ACCESS, SECRET, token))
    made = ours.url(method, path, headers, now, 900, asked)
    assert parts(made) == parts(of_botocore(endpoint, method, path, headers, now, token, asked))
