"""The protocol of clamd below its words: its address, a file on its way, a reply to its end."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import BinaryIO

_CHUNK_BYTES = 256 * 1024
_REPLY_BYTES = 4096


class NoReply(ConnectionError):
    """What came is no reply to the command."""


class HungUp(NoReply):
    """The connection ended before its reply did."""


def parse_address(address: str) -> tuple[socket.AddressFamily, str | tuple[str, int]]:
    if address.startswith("/"):
        return socket.AF_UNIX, address
    host, _, port = address.rpartition(":")
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    if not bare or not port.isdecimal() or (":" in bare and bare == host):
        raise ValueError(f"clamd's address is neither /path nor host:port: {address!r}")
    return socket.AF_INET, (bare, int(port))


def send(peer: socket.socket, file: BinaryIO, size: int, left: Callable[[], float]) -> bool:
    """Send the file as INSTREAM chunks; False when clamd stopped listening before the end.

    clamd hangs up as soon as its own limit is passed, after it has written why: so a broken pipe
    is no failure yet, the reply decides.
    """
    sent = 0
    try:
        peer.sendall(b"zINSTREAM\0")
        while chunk := file.read(_CHUNK_BYTES):
            peer.settimeout(left())
            peer.sendall(len(chunk).to_bytes(4, "big") + chunk)
            sent += len(chunk)
        if sent != size:
            raise OSError(f"the file under inspection has {sent} bytes and should have {size}")
        peer.sendall(bytes(4))
    except (BrokenPipeError, ConnectionResetError):
        return False
    return True


def read_reply(peer: socket.socket, left: Callable[[], float]) -> str:
    """Return the one NUL-terminated reply, and nothing before clamd has hung up behind it.

    Raises: TimeoutError; NoReply when it is anything else.
    """
    reply = b""
    while received := _received(peer, left, ended=b"\0" in reply):
        reply += received
        if len(reply) > _REPLY_BYTES:
            raise NoReply(f"reply is longer than {_REPLY_BYTES} bytes")
    line, end, rest = reply.partition(b"\0")
    if not end:
        raise HungUp(f"hung up in the middle of a reply: {reply[:200]!r}")
    if rest:
        raise NoReply(f"more than one reply: {reply[:200]!r}")
    return line.decode("utf-8", "replace")


def _received(peer: socket.socket, left: Callable[[], float], *, ended: bool) -> bytes:
    """The next bytes, and none at the end; a reset is one where the reply has `ended`."""
    peer.settimeout(left())
    try:
        return peer.recv(_REPLY_BYTES)
    except ConnectionResetError as error:
        if ended:
            return b""
        raise HungUp(f"hung up in the middle of a reply: {error}") from error
