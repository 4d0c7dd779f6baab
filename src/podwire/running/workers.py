"""pytest-xdist: one process drives the probes, the workers judge. They meet at a socket in a private directory."""

from __future__ import annotations

import secrets
import shutil
import tempfile
import threading
from collections.abc import Mapping, Sequence
from multiprocessing.connection import Client, Connection, Listener
from pathlib import Path

from podwire.errors import PodwireError
from podwire.model.cases import Case
from podwire.model.observations import Observation
from podwire.running.runner import Runner


class Observatory:
    """Serves the observations of a runner to the workers of this run."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner
        self._directory = Path(tempfile.mkdtemp(prefix="podwire-"))
        self.key = secrets.token_bytes(16)
        self.address = str(self._directory / "observations")
        self._listener = Listener(self.address, family="AF_UNIX", authkey=self.key)
        self.error: PodwireError | None = None
        threading.Thread(target=self._accept, name="observatory", daemon=True).start()

    def close(self) -> None:
        self._listener.close()
        shutil.rmtree(self._directory, ignore_errors=True)

    def _accept(self) -> None:
        while True:
            try:
                connection = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: Connection) -> None:
        try:
            cases = connection.recv()
            try:
                seen = self._runner.observe(cases)
                answer: object = {case.id: tuple(one.observation for one in seen[case.id].rounds) for case in cases}
            except PodwireError as problem:
                self.error = problem
                answer = problem
            connection.send(answer)
        except (EOFError, OSError):
            return  # the worker is gone; xdist reports that
        finally:
            connection.close()


def observed(address: str, key: bytes, cases: Sequence[Case]) -> Mapping[str, tuple[Observation, ...]]:
    """Ask the process that drives the probes for the observations of these cases, and wait for them.

    Raises the `PodwireError` that ended the run there.
    """
    with Client(address, family="AF_UNIX", authkey=key) as connection:
        connection.send(tuple(cases))
        answer = connection.recv()
    if isinstance(answer, PodwireError):
        raise answer
    return dict(answer)
