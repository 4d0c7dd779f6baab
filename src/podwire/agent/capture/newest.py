"""A capture that goes on for days and keeps its newest frames."""

from __future__ import annotations

from podwire.agent.capture.linux import PCAP_HEAD, PacketCapture

TYPE_CHECKING = False  # To import typing would take a tenth of the start.
if TYPE_CHECKING:
    from podwire.agent.loop import Loop
    from podwire.agent.parameters import Parameters


class NewestCapture(PacketCapture):
    """A capture of the newest frames: of `most` bytes at most, and of half as many at least once there were so many.

    A read takes nothing away.
    """

    def __init__(self, loop: Loop, names: list[str], snaplen: int, most: int) -> None:
        self._older: dict[str, bytearray] = {}
        super().__init__(loop, names, snaplen, most // 2)

    def _has_room(self, size: int) -> bool:
        if not super()._has_room(size):
            self._older = self._files
            self._empty()
        return super()._has_room(size)

    async def read(self) -> Parameters:
        """Return the newest frames, and how many the kernel dropped since the last read. The capture goes on."""
        dropped, _ = await self._arrived()
        files = {name: bytearray(older) for name, older in self._older.items()}
        for name, newer in self._files.items():
            files[name] = files[name] + newer[len(PCAP_HEAD) :] if name in files else bytearray(newer)
        return {"dropped": dropped, "count": None, "parts": [(name, "pcap", file) for name, file in files.items()]}
