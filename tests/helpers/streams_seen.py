"""Hand-made streams as a run sees them: the client's numbers, and the messages at each capture point."""

from observed import POINTS, a_packet

from podwire.model.streams.numbers import Counts, Stream
from podwire.model.streams.seen import StreamSeen
from podwire.packets.stream_passages import messages_in, passages, slowest_answer

TOKEN = "pw0123456789abcdef"


def ask(number, at=1.0, protocol="udp"):
    payload = f"{TOKEN}.{number} 128\n".encode() + f"{TOKEN}.{number} ".encode() * 4
    return a_packet(protocol=protocol, payload=payload, at=at)


def answer(number, at=1.0, protocol="udp"):
    payload = f'{{"token":"{TOKEN}.{number}","identity":"windows-2-a"}}'.encode()
    return a_packet("reply", protocol=protocol, payload=payload, at=at)


def numbers(sent=5, **changes):
    """The numbers of a stream; `counts` of all messages answered where nothing else is told."""
    counts = {"sent": sent, "answered": sent, **changes.pop("counts", {})}
    parts = {"started": 1.0, "ran": 9000, "ended": True, "counts": Counts(**counts), **changes}
    return Stream(**parts)


def at_points(by_point, stream=None):
    """A stream whose packets each point saw as listed; points that are left out saw all messages once."""
    stream = stream or numbers()
    usual = [packet for number in range(1, stream.counts.sent + 1) for packet in (ask(number), answer(number))]
    seen, served = [], 0
    for point in POINTS:
        packets = dict(enumerate(by_point.get(point, usual)))
        messages = messages_in(packets, TOKEN)
        seen += passages(point, packets, messages)
        served = slowest_answer(packets, messages)
    return StreamSeen(token=TOKEN, numbers=stream, passages=tuple(seen), served=served)
