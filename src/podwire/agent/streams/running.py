"""The streams that run in an agent: the runner starts them, asks for their state, and stops them."""

from __future__ import annotations

from podwire.agent.errors import Failure
from podwire.agent.loop import now, sleep
from podwire.agent.parameters import wanted
from podwire.agent.streams.steady import Steady
from podwire.agent.streams.tally import Tally
from podwire.agent.streams.transfer import Transfer

TYPE_CHECKING = False  # To import typing would take a tenth of the start.
if TYPE_CHECKING:
    from podwire.agent.loop import Loop, Task
    from podwire.agent.parameters import Parameters

MOST_STREAMS = 1000


class Running:
    """One stream that was started."""

    def __init__(self, loop: Loop, params: Parameters) -> None:
        kind = wanted(params, "kind")
        if kind not in ("steady", "transfer"):
            raise ValueError(f"parameter 'kind': {kind!r} is not steady or transfer")
        self.tally = Tally(float(params.get("gap") or 1.0), float(params.get("timeout") or 5.0))
        self._loop, self.ended = loop, False
        self.stream: Steady | Transfer = (Steady if kind == "steady" else Transfer)(loop, params, self.tally)
        self.task: Task = loop.spawn(self._run())

    async def _run(self) -> None:
        try:
            await self.stream.run()
        except Failure as failure:
            self.tally.failed(failure.facts)
        except (OSError, ValueError) as error:
            self.tally.failed(Failure("send", "other", None, str(error)).facts)
        finally:
            self.ended = True
            self.tally.close()

    def wake(self) -> None:
        """Let the stream look up, if it waits for an answer."""
        if isinstance(self.stream, Steady) and self.stream.listening:
            self._loop.interrupt(self.task)

    def cancel(self) -> None:
        """End the stream as it is."""
        if not self.ended:
            self._loop.cancel(self.task)
            self.ended = True
            self.tally.close()

    def facts(self, drain: bool = False) -> Parameters:
        """Its numbers."""
        return self.tally.facts(self.ended, drain)


class Streams:
    """All streams of an agent, by the names that the runner gave them."""

    def __init__(self) -> None:
        self._running: dict[str, Running] = {}

    async def start(self, loop: Loop, params: Parameters) -> Parameters:
        """Start a stream and answer at once. ValueError for a name in use and for wrong parameters."""
        name = wanted(params, "stream")
        if name in self._running:
            raise ValueError(f"stream {name!r} runs already")
        if len(self._running) >= MOST_STREAMS:
            raise ValueError(f"{MOST_STREAMS} streams run already")
        self._running[name] = running = Running(loop, params)
        return {"started": running.tally.anchor}

    async def state(self, loop: Loop, params: Parameters) -> Parameters:
        """The numbers of streams so far, of all without `streams`. With `drain` their lists begin anew."""
        drain = bool(params.get("drain"))
        return {"streams": {name: self._running[name].facts(drain) for name in self._named(params)}}

    async def stop(self, loop: Loop, params: Parameters) -> Parameters:
        """Stop streams and return their numbers. Answers may come for `linger` seconds more; with `last` each steady
        stream that is not complete sends one more message before, so that it is used after all that happened."""
        until = now() + float(params.get("linger") or 0.0)
        stopped = {name: self._running[name] for name in self._named(params)}
        if params.get("last"):
            for running in stopped.values():
                if isinstance(running.stream, Steady):
                    running.stream.speak()
                    running.wake()
            await sleep(now() + 0.01)  # They speak before they are told to stop.
        for running in stopped.values():
            if isinstance(running.stream, Steady):
                running.stream.stopping = True
                running.wake()
        while now() < until and not all(running.ended for running in stopped.values()):
            await sleep(min(until, now() + 0.02))
        for name, running in stopped.items():
            running.cancel()
            del self._running[name]
        return {"streams": {name: running.facts() for name, running in stopped.items()}}

    def _named(self, params: Parameters) -> list[str]:
        names = [str(name) for name in params.get("streams") or self._running]
        unknown = [name for name in names if name not in self._running]
        if unknown:
            raise ValueError(f"no stream {unknown[0]!r} runs")
        return names
