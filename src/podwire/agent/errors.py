"""The failure of an attempt: its stage, its kind, and the system's error number."""

from __future__ import annotations

import errno

KINDS = {
    "timeout": (errno.ETIMEDOUT, 10060),
    "refused": (errno.ECONNREFUSED, 10061),
    "reset": (errno.ECONNRESET, errno.EPIPE, errno.ECONNABORTED, 10054, 10053),
    # An ICMPv6 "administratively prohibited" arrives as EACCES on Linux.
    "unreachable": (errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EACCES, 10065, 10051, 10064, 10050),
    "not-found": (11001, 11004),
}
KIND_OF = {number: kind for kind, numbers in KINDS.items() for number in numbers}
KIND_OF.update({getattr(errno, name): "unreachable" for name in ("EHOSTDOWN", "ENETDOWN") if hasattr(errno, name)})
IN_PROGRESS = (errno.EINPROGRESS, errno.EWOULDBLOCK, 10035, 10036)


class Failure(Exception):
    """An attempt ended without an answer: at which stage, and how."""

    def __init__(self, stage: str, kind: str, number: int | None = None, text: str = "") -> None:
        super().__init__(text)
        self.facts = {"stage": stage, "kind": kind, "number": number, "text": text}

    @classmethod
    def of(cls, stage: str, error: OSError, udp: bool = False) -> Failure:
        """The failure for an error of the system."""
        number = error.errno
        kind = KIND_OF.get(number or 0, "other")
        if udp and kind == "reset":
            kind = "refused"  # Windows: WSAECONNRESET on a UDP socket is an ICMP port unreachable.
        return cls(stage, kind, number, error.strerror or str(error))
