"""SPDY as a client of Kubernetes writes it."""

import struct
import zlib

from podwire_lab.kube_api import spdy


def opened(*streams: tuple[int, dict[str, str]]) -> bytes:
    """SYN_STREAM frames of one connection, as a client writes them."""
    packer, out = zlib.compressobj(zdict=spdy.DICTIONARY), b""
    for number, headers in streams:
        block = struct.pack("!I", len(headers))
        for pair in headers.items():
            block += b"".join(struct.pack("!I", len(word)) + word.encode() for word in pair)
        body = struct.pack("!IIH", number, 0, 0) + packer.compress(block) + packer.flush(zlib.Z_SYNC_FLUSH)
        out += spdy.control(spdy.SYN_STREAM, body)
    return out
