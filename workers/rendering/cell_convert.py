"""The child's side of Office: write a fresh profile, copy the document in, become LibreOffice.

Runs confined to premises of its own (`workers.sandbox.premises`), which the locks of the cell
follow through the exec. The reply is given before, and is empty: what counts is how the program
ends, and the one file that it leaves.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

from workers.sandbox import child
from workers.sandbox.premises import HERE

_NAME = "input"
RESULT = f"{_NAME}.pdf"

_SCRIPTING = "/org.openoffice.Office.Common/Security/Scripting"
# Never is 0 for Writer and 1 for Calc. None of it is relied upon, for some of it was seen not to
# hold everywhere: the cell is what has no way to anything elsewhere.
_SETTINGS = (
    (_SCRIPTING, "DisableMacrosExecution", "true"),
    (_SCRIPTING, "MacroSecurityLevel", "3"),
    (_SCRIPTING, "BlockUntrustedRefererLinks", "true"),
    ("/org.openoffice.Office.Writer/Content/Update", "Link", "0"),
    ("/org.openoffice.Office.Calc/Content/Update", "Link", "1"),
)
_ITEM = '<item oor:path="{}"><prop oor:name="{}" oor:op="fuse"><value>{}</value></prop></item>'
_FLAGS = ("--headless", "--norestore", "--nologo", "--nofirststartwizard", "--nolockcheck")


def warm_up(options: dict[str, Any]) -> None:
    """Nothing: the program brings all that it needs."""


def run(file: BinaryIO, options: dict[str, Any]) -> NoReturn:
    """Become the `program`, to convert a file of this `ending` to PDF. Raises OSError."""
    document = f"{_NAME}.{options['ending']}"
    _write_profile(options["build"])
    Path("work").mkdir()
    with Path(document).open("xb") as copy:
        shutil.copyfileobj(file, copy)
    child.say(b'{"result": {}, "payload": 0}\n')
    fcntl.fcntl(child.REPLY, fcntl.F_SETFD, fcntl.FD_CLOEXEC)
    program = options["program"]
    arguments = [
        *(program, *_FLAGS, f"-env:UserInstallation=file://{HERE}/profile"),
        f"-env:OSL_SOCKET_PATH={HERE}/work",
        *("--convert-to", "pdf", "--outdir", HERE, f"{HERE}/{document}"),
    ]
    os.execve(program, arguments, _environment())  # noqa: S606 - a path of ours, and no shell


def _environment() -> dict[str, str]:
    return {"HOME": HERE, "TMPDIR": f"{HERE}/work", "LC_ALL": "C.UTF-8", "SAL_USE_VCLPLUGIN": "svp"}


def _write_profile(build: str) -> None:
    """Settings of ours; and whose build it is, or the program would begin with a restart."""
    items = "".join(_ITEM.format(*one) for one in _SETTINGS)
    settings = (
        '<?xml version="1.0" encoding="UTF-8"?>'
        f'<oor:items xmlns:oor="http://openoffice.org/2001/registry">{items}</oor:items>'
    )
    extensions = Path("profile/user/extensions")
    extensions.mkdir(parents=True)
    extensions.with_name("registrymodifications.xcu").write_text(settings, encoding="ascii")
    (extensions / "buildid").write_text(build, encoding="utf-8")
