"""A page of an S3 list, out of the store's XML ("ListObjectsV2", Amazon S3 API Reference)."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple
from urllib.parse import unquote
from xml.etree import ElementTree

from uploads.storage.protocol import ObjectStat


class Page(NamedTuple):
    """What the page names, and the token that the next one is asked for with: empty at the end."""

    objects: list[ObjectStat]
    more: str


def read(answer: bytes) -> Page:
    """The page that a store answered with. Raises ValueError when it is none."""
    try:
        # The store is ours, as for boto3, which reads it the same way; and expat bounds what grows.
        root = ElementTree.fromstring(answer)  # noqa: S314
    except ElementTree.ParseError as error:
        raise ValueError("the answer is no XML") from error
    space, _, name = root.tag.rpartition("}")
    if name != "ListBucketResult":
        raise ValueError(f"the answer is a {name}")
    within = f"{space}}}" if space else ""

    def text(element: ElementTree.Element, child: str) -> str:
        return element.findtext(within + child) or ""

    escaped = text(root, "EncodingType") == "url"
    objects = [
        ObjectStat(
            key=unquote(text(one, "Key")) if escaped else text(one, "Key"),
            size=int(text(one, "Size")),
            modified_at=datetime.fromisoformat(text(one, "LastModified")),
        )
        for one in root.iterfind(f"{within}Contents")
    ]
    if text(root, "IsTruncated") != "true":
        return Page(objects, "")
    more = text(root, "NextContinuationToken")
    if not more:
        raise ValueError("the list goes on without a token")
    return Page(objects, more)
