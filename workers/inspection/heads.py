"""What a member of an archive is packed as, by its first bytes, where we open it.

Knows no library. Each magic stands where its format has it, and is long enough that honest files
of other kinds do not begin so.
"""

from __future__ import annotations

import re

from workers.inspection.deflated import begins_as_zlib
from workers.inspection.mails import begins_as_mail
from workers.inspection.ole import OLE
from workers.inspection.tars import AR, is_tar
from workers.inspection.unpacking import begins_as_lzma

_TRIED = ((begins_as_lzma, "xz"), (begins_as_zlib, "zlib"), (begins_as_mail, "mail"))

_OPENED = (
    (re.compile(rb"PK\x03\x04|PK\x05\x06"), "zip"),
    (re.compile(rb"%PDF-"), "pdf"),
    (re.compile(rb"\x1f\x8b\x08"), "gzip"),
    (re.compile(rb"BZh[1-9](?:1AY&SY|\x17rE8P\x90)", re.DOTALL), "bzip2"),
    (re.compile(rb"\xfd7zXZ\0"), "xz"),
    # A file of lzma has no magic: the usual properties, a dictionary of a usual size, a length.
    # Damaged ones are refused as such; of all others only what can be unpacked is one.
    (
        re.compile(
            rb"\x5d\0\0[\0\x01\x02\x04\x08\x10\x20\x40\x80][\0-\x0c](?:\xff{8}|.{5}\0{3})\0",
            re.DOTALL,
        ),
        "xz",
    ),
    (re.compile(re.escape(AR)), "ar"),
    (re.compile(re.escape(OLE)), "ole"),
    (re.compile(rb"(?:\xef\xbb\xbf)?\s*\{\\rt"), "rtf"),
    (re.compile(rb"\x89PNG\r\n\x1a\n"), "png"),
    (re.compile(rb"ID3[\2-\4]"), "id3"),
)


def opened_as(head: bytes) -> str | None:
    """How something that begins like this is unpacked here; None where nothing is in it."""
    found = next((kind for magic, kind in _OPENED if magic.match(head)), None)
    if found is None and is_tar(head):
        return "tar"
    if found is None:
        found = next((kind for begins, kind in _TRIED if begins(head)), None)
    return found
