"""The kinds of files there are: one table.

What each is called by people, by clients and by libmagic. `policy` judges by it; `docs/types.md`
tells what else makes a file of each kind acceptable, and a test holds the two together.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from uploads.documents.sniffing import UNKNOWN

# `text/*` in a type's `sniffed` accepts any text that libmagic gives a name, but a web page: it is
# refused under a text ending because whoever sends one so sends it under a wrong name. Texts that
# merely begin with a tag are no web page (see `sniffing`), and all of them are served as
# attachments of their own type, never as HTML.
_ANY_TEXT = "text/*"
_NOT_PLAIN = frozenset({"text/html"})


@dataclass(frozen=True, slots=True)
class FileType:
    """One accepted kind of file.

    `type` is its canonical media type; `phrase` what people call one of it, in the middle of a
    sentence; `extensions` its endings, the preferred one first;
    `declared` and `sniffed` are further names that clients and libmagic know it by; `max_bytes`
    is its own limit, if the operator gave it one. What is `active` does something when a browser
    shows it: it is off unless the operator names it, and then nothing ever shows it.
    """

    type: str
    phrase: str
    extensions: tuple[str, ...]
    declared: frozenset[str] = frozenset()
    sniffed: frozenset[str] = frozenset()
    max_bytes: int | None = None
    active: bool = False

    @property
    def label(self) -> str:
        """What people call it, standing alone."""
        bare = self.phrase.removeprefix("a ").removeprefix("an ")
        return bare[:1].upper() + bare[1:]

    def is_declared_as(self, declared: str) -> bool:
        return declared == self.type or declared in self.declared

    def looks_like(self, sniffed: str) -> bool:
        if sniffed == self.type or sniffed in self.sniffed:
            return True
        return (
            _ANY_TEXT in self.sniffed
            and sniffed.startswith("text/")
            and (sniffed not in _NOT_PLAIN)
        )


def _type(
    type_: str,
    phrase: str,
    endings: str,
    declared: str = "",
    sniffed: str = "",
    *,
    active: bool = False,
) -> FileType:
    return FileType(
        type_,
        phrase,
        tuple(endings.split()),
        frozenset(declared.split()),
        frozenset(sniffed.split()),
        active=active,
    )


CODE = "text/x-source"
"""The type of source code in any language; it is sent as plain text."""

_TEXTS = (
    "text/* application/json application/x-ndjson application/javascript application/x-subrip "
    "application/pgp-keys application/pgp-signature application/x-wine-extension-ini "
    "application/x-setupscript application/x-mswinurl message/rfc822 message/news"
)
# Endings of source code, with the names that browsers have for them. Nothing is among them that a
# browser runs when a copy is opened from disk: no JavaScript, no XML.
_CODE: Mapping[str, str] = {
    "py": "text/x-python text/x-script.python text/x-python-script application/x-python-code",
    "c": "text/x-c text/x-csrc",
    "h": "text/x-chdr",
    "cpp": "text/x-c++src",
    "cc": "",
    "hpp": "text/x-c++hdr",
    "cs": "text/x-csharp",
    "java": "text/x-java text/x-java-source",
    "kt": "text/x-kotlin",
    "go": "text/x-go",
    "rs": "text/rust text/x-rust application/rls-services+xml",
    "rb": "application/x-ruby text/x-ruby text/x-ruby-script",
    "swift": "text/x-swift",
    "r": "text/x-r",
    "pl": "application/x-perl text/x-perl text/x-perl-script",
    "lua": "text/x-lua",
    "sh": "application/x-sh application/x-shellscript text/x-sh text/x-shellscript",
    "sql": "application/sql application/x-sql text/x-sql",
    "css": "text/css",
    "scss": "text/x-scss",
    # Under Windows and macOS this ending stands for films as well.
    "ts": "text/x-typescript application/typescript application/x-typescript video/mp2t "
    "video/vnd.dlna.mpeg-tts text/vnd.trolltech.linguist",
    "yaml": "application/yaml application/x-yaml text/yaml text/x-yaml",
    "yml": "",
    "toml": "application/toml text/x-toml",
    "ini": "text/x-ini",
    "conf": "",
    "cfg": "",
    "diff": "text/x-diff",
    "patch": "text/x-patch",
}
_ZIP_NAMES = "application/zip application/x-zip application/x-zip-compressed"
_OFFICE = "application/zip application/CDFV2"
_OOXML = "application/vnd.openxmlformats-officedocument."
_ODF = "application/vnd.oasis.opendocument."

KNOWN: tuple[FileType, ...] = (
    _type("image/jpeg", "a JPEG picture", "jpg jpeg jpe jfif", "image/jpg image/pjpeg"),
    _type("image/png", "a PNG picture", "png", "image/x-png", "image/vnd.mozilla.apng image/apng"),
    _type("image/gif", "a GIF picture", "gif"),
    _type("image/webp", "a WebP picture", "webp"),
    _type("image/avif", "an AVIF picture", "avif", "image/avif-sequence"),
    _type(
        "image/heic",
        "a HEIC picture",
        "heic heif hif",
        # Debian takes the ending of Canon's and Sony's cameras for AVIF.
        "image/heif image/hif image/heic-sequence image/heif-sequence image/avif",
    ),
    _type("image/tiff", "a TIFF picture", "tif tiff", "image/tif image/x-tif image/x-tiff"),
    _type("application/pdf", "a PDF document", "pdf", "application/x-pdf"),
    _type(_OOXML + "wordprocessingml.document", "a Word document", "docx", _ZIP_NAMES, _OFFICE),
    _type(_OOXML + "spreadsheetml.sheet", "an Excel workbook", "xlsx", _ZIP_NAMES, _OFFICE),
    _type(
        _OOXML + "presentationml.presentation",
        "a PowerPoint presentation",
        "pptx",
        _ZIP_NAMES,
        _OFFICE,
    ),
    _type(_ODF + "text", "OpenDocument text", "odt", _ZIP_NAMES, "application/zip"),
    _type(
        _ODF + "spreadsheet", "an OpenDocument spreadsheet", "ods", _ZIP_NAMES, "application/zip"
    ),
    _type(
        _ODF + "presentation", "an OpenDocument presentation", "odp", _ZIP_NAMES, "application/zip"
    ),
    _type("text/plain", "plain text", "txt text log", "text/x-log", _TEXTS),
    _type(
        "text/csv",
        "a table of values",
        "csv",
        "application/vnd.ms-excel application/csv text/x-csv application/x-csv "
        "text/comma-separated-values text/x-comma-separated-values text/plain",
        _TEXTS,
    ),
    _type("text/markdown", "Markdown text", "md markdown", "text/x-markdown text/plain", _TEXTS),
    _type(CODE, "source code", " ".join(_CODE), " ".join(("text/plain", *_CODE.values())), _TEXTS),
    _type(
        "application/json",
        "a JSON file",
        "json jsonl ndjson geojson",
        "application/geo+json application/x-ndjson application/jsonl text/json text/plain",
        _TEXTS,
    ),
    _type("application/rtf", "rich text", "rtf", "text/rtf application/x-rtf application/msword"),
    _type(
        "application/zip",
        "a ZIP archive",
        "zip",
        _ZIP_NAMES + " multipart/x-zip",
        # Some versions of libmagic know these by their first members, and others do not.
        "application/java-archive application/vnd.android.package-archive",
    ),
    # Exports of QuickTime and of phones are called .mp4 and keep QuickTime's brand.
    _type(
        "video/mp4",
        "an MP4 video",
        "mp4 m4v",
        "video/x-m4v application/mp4",
        "video/x-m4v video/quicktime",
    ),
    _type("video/quicktime", "a QuickTime video", "mov qt"),
    _type("video/webm", "a WebM video", "webm", "audio/webm", "audio/webm"),
    _type("audio/mpeg", "MP3 audio", "mp3", "audio/mp3 audio/x-mp3 audio/mpeg3 audio/x-mpeg"),
    _type(
        "audio/mp4",
        "MPEG-4 audio",
        "m4a m4b",
        "audio/x-m4a audio/x-m4b audio/m4a audio/aac",
        "video/mp4",
    ),
    _type(
        "audio/wav",
        "WAV audio",
        "wav",
        "audio/x-wav audio/wave audio/vnd.wave audio/x-pn-wav",
        "audio/x-wav",
    ),
    _type("audio/ogg", "Ogg audio", "ogg oga opus", "application/ogg video/ogg audio/opus"),
    _type(
        "image/svg+xml",
        "an SVG drawing",
        "svg",
        "image/svg text/xml application/xml",
        # libmagic gives up where a comment stands in front of the drawing.
        "text/xml text/plain",
        active=True,
    ),
    _type("text/html", "a web page", "html htm", "application/xhtml+xml", _TEXTS, active=True),
)

ACTIVE = frozenset(kind.type for kind in KNOWN if kind.active)
"""Media types that do something when a browser shows them."""

SHOWN = frozenset(
    {
        *("image/jpeg", "image/png", "image/gif", "image/webp", "image/avif", "text/plain"),
        *("video/mp4", "video/webm", "audio/mpeg", "audio/mp4", "audio/wav", "audio/ogg"),
        CODE,
    }
)
"""Media types that a browser may show by a link: inert as they are sent, and shown by it without
any plug-in. PDF is not among them: under `CSP: sandbox` browsers refuse to show it."""

PLAYED = frozenset(one for one in SHOWN if one.startswith(("audio/", "video/")))
"""Those among them that take a player."""

OFFICE = frozenset(kind.type for kind in KNOWN if kind.type.startswith((_OOXML, _ODF)))
"""Media types of Office and OpenDocument, which may bring a picture of themselves along."""

PICTURED = frozenset(
    {
        *("image/jpeg", "image/png", "image/gif", "image/webp", "image/avif", "image/heic"),
        *("image/tiff", "application/pdf", "video/mp4", "video/quicktime", "video/webm"),
        *("audio/mpeg", "audio/mp4", "audio/wav", "audio/ogg"),
        *("text/plain", "text/markdown", "text/csv", CODE, "application/json"),
    }
)
"""Media types of which the workers make pictures, unless a file is at fault. `OFFICE` is not among
them: nobody need wait for what may not come."""

PAGED = frozenset({"application/pdf"})
"""Media types of which the workers make previews of pages as well, `page-1` at the very last."""

# What people call content that is none of the above.
_OTHERS = {
    UNKNOWN: "nothing that is known here",
    "application/CDFV2": "an encrypted or an old Office document",
    "application/postscript": "a PostScript program",
    **dict.fromkeys(
        (
            "application/vnd.microsoft.portable-executable",
            "application/x-dosexec",
            "application/x-executable",
            "application/x-mach-binary",
            "application/x-pie-executable",
            "application/x-sharedlib",
        ),
        "a program",
    ),
}


def phrase_of(found: str) -> str:
    """What people call content that was sniffed as this; the media type where they do not."""
    if found in _OTHERS:
        return _OTHERS[found]
    exact = (kind for kind in KNOWN if kind.type == found)
    near = (kind for kind in KNOWN if kind.looks_like(found))
    kind = next(exact, None) or next(near, None)
    return kind.phrase if kind else found
