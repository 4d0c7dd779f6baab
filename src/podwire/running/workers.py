"""pytest-xdist: one process drives the probes, the workers judge. They talk over a socket in a private directory."""

from __future__ import annotations

import secrets
import shutil
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from multiprocessing.connection import Client, Connection, Listener
from pathlib import Path

from podwire.errors import PodwireError
from podwire.model.cases import Case
from podwire.model.observations import Observation
from podwire.redaction import keep_known, known_secrets
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
            except PodwireError as problem:
                self.error = problem
                connection.send(problem)
                return
            # A worker logs and reports for itself.
            connection.send(known_secrets())
            while True:
                connection.send(tuple(seen[connection.recv()]))
        except (EOFError, OSError):
            return  # the worker is gone; xdist reports that
        finally:
            connection.close()


class Observed(Mapping[str, Sequence[Observation]]):
    """The observations of these cases by case id, one for each round, fetched from the process that drives the probes.

    Each look-up asks that process; nothing is kept here. The constructor waits until all cases are observed and raises
    the `PodwireError` that ended the run.
    """

    def __init__(self, address: str, key: bytes, cases: Sequence[Case]) -> None:
        self._ids = {case.id for case in cases}
        self._connection = Client(address, family="AF_UNIX", authkey=key)
        self._connection.send(tuple(cases))
        came = self._connection.recv()
        if isinstance(came, PodwireError):
            self._connection.close()
            raise came
        keep_known(came)

    def __getitem__(self, case_id: str) -> Sequence[Observation]:
        if case_id not in self._ids:
            raise KeyError(case_id)
        self._connection.send(case_id)
        seen: Sequence[Observation] = self._connection.recv()
        return seen

    def __iter__(self) -> Iterator[str]:
        return iter(self._ids)

    def __len__(self) -> int:
        return len(self._ids)
