"""SPDY/3.1 frames, as far as streams of kubectl need them (SPDY Protocol, draft 3.1; Kubernetes: KEP 4006).

Everything here is bytes in, values out: no I/O. There is no flow control: the peers of Kubernetes do without.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

SYN_STREAM, SYN_REPLY, RST_STREAM, PING, GOAWAY = 1, 2, 3, 6, 7
FIN: Final = 1
_VERSION: Final = 3
_HEADER: Final = 8
_LARGEST: Final = 1 << 24

_NAMES: Final = [
    "options",
    "head",
    "post",
    "put",
    "delete",
    "trace",
    "accept",
    "accept-charset",
    "accept-encoding",
    "accept-language",
    "accept-ranges",
    "age",
    "allow",
    "authorization",
    "cache-control",
    "connection",
    "content-base",
    "content-encoding",
    "content-language",
    "content-length",
    "content-location",
    "content-md5",
    "content-range",
    "content-type",
    "date",
    "etag",
    "expect",
    "expires",
    "from",
    "host",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "last-modified",
    "location",
    "max-forwards",
    "pragma",
    "proxy-authenticate",
    "proxy-authorization",
    "range",
    "referer",
    "retry-after",
    "server",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "vary",
    "via",
    "warning",
    "www-authenticate",
    "method",
    "get",
    "status",
]
_TEXTS: Final = (
    "100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505203 Non-Authoritative "
    "Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized403 Forbidden404 Not Found500 "
    "Internal Server Error501 Not Implemented503 Service UnavailableJan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec "
    "00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMTchunked,text/html,image/png,image/jpg,image/gif,application/xml,"
    "application/xhtml+xml,text/plain,text/javascript,publicprivatemax-age=gzip,deflate,sdchcharset=utf-8"
    "charset=iso-8859-1,utf-,*,enq=0."
)


def _counted(words: list[str]) -> bytes:
    return b"".join(struct.pack("!I", len(word)) + word.encode() for word in words)


DICTIONARY: Final = (
    _counted([*_NAMES, "200 OK", "version", "HTTP/1.1", "url", "public", "set-cookie", "keep-alive", "origin"])
    + _TEXTS.encode()
)
"""What both ends' compression of headers begins with: section 2.6.10.1."""


@dataclass(frozen=True, kw_only=True)
class Frame:
    """A frame of either kind. `kind` is None for data; `payload` is what follows the stream's number.

    `headers` are those of a SYN_STREAM, by their names in lower case.
    """

    stream: int
    kind: int | None = None
    flags: int = 0
    payload: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def last(self) -> bool:
        """Whether the sender says no more on this stream."""
        return bool(self.flags & FIN)


class ProtocolError(ValueError):
    """The peer sent what is no SPDY/3.1."""


class Framer:
    """Both directions of one connection: compression of headers has a memory in each."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._inflate = zlib.decompressobj(zdict=DICTIONARY)
        self._deflate = zlib.compressobj(zdict=DICTIONARY)

    def received(self, data: bytes) -> Iterator[Frame]:
        """The frames that are complete with these bytes. Raises `ProtocolError`."""
        self._buffer += data
        while len(self._buffer) >= _HEADER:
            first, second = struct.unpack_from("!II", self._buffer)
            flags, length = second >> 24, second & (_LARGEST - 1)
            if len(self._buffer) < _HEADER + length:
                return
            body = bytes(self._buffer[_HEADER : _HEADER + length])
            del self._buffer[: _HEADER + length]
            if not first >> 31:
                yield Frame(stream=first, flags=flags, payload=body)
                continue
            if first >> 16 & 0x7FFF != _VERSION:
                raise ProtocolError(f"version {first >> 16 & 0x7FFF} of SPDY")
            yield self._control(first & 0xFFFF, flags, body)

    def _control(self, kind: int, flags: int, body: bytes) -> Frame:
        stream = struct.unpack_from("!I", body)[0] & 0x7FFFFFFF if len(body) >= 4 else 0
        try:
            headers = self._headers(body[10:]) if kind == SYN_STREAM else {}
        except (zlib.error, struct.error, UnicodeDecodeError) as problem:
            raise ProtocolError(f"headers of a stream: {problem}") from problem
        return Frame(stream=stream, kind=kind, flags=flags, payload=body[4:], headers=headers)

    def _headers(self, block: bytes) -> dict[str, str]:
        plain = self._inflate.decompress(block, _LARGEST)
        (count,) = struct.unpack_from("!I", plain)
        at, found = 4, {}
        for _ in range(count):
            pair = []
            for _ in range(2):
                (size,) = struct.unpack_from("!I", plain, at)
                pair.append(plain[at + 4 : at + 4 + size].decode())
                at += 4 + size
            found[pair[0].lower()] = pair[1]
        return found

    def reply(self, stream: int) -> bytes:
        """SYN_REPLY without headers: the stream is open."""
        block = self._deflate.compress(struct.pack("!I", 0)) + self._deflate.flush(zlib.Z_SYNC_FLUSH)
        return control(SYN_REPLY, struct.pack("!I", stream) + block)


def control(kind: int, body: bytes, flags: int = 0) -> bytes:
    """A control frame."""
    return struct.pack("!HHI", 0x8000 | _VERSION, kind, flags << 24 | len(body)) + body


def data(stream: int, payload: bytes, *, last: bool = False) -> bytes:
    """A data frame."""
    return struct.pack("!II", stream, (FIN if last else 0) << 24 | len(payload)) + payload
