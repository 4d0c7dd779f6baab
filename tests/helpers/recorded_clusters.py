"""An API server that plays a recorded cluster (tests/recordings/clusters): it lists what the folder has."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml
from fake_api import FakeCluster, kubeconfig, serving, status

from podwire.cluster.connect import connect
from podwire.cluster.discovery.discover import discover
from podwire.model.facts import ClusterFacts

CLUSTERS = Path(__file__).parents[1] / "recordings" / "clusters"
NAMES = sorted(path.name for path in CLUSTERS.iterdir() if path.is_dir())
_ALWAYS = {"nodes", "services", "pods", "configmaps", "daemonsets"}


class RecordedCluster(FakeCluster):
    """The objects of one recording. A kind without a file does not exist there, as without its CRD; nothing changes.

    With `moved` the beginnings of its addresses are others: `("10.8.", "198.18.")`.
    """

    def __init__(self, name: str, moved: tuple[str, str] = ("", "")) -> None:
        super().__init__()
        texts = {path.stem: path.read_text() for path in (CLUSTERS / name).glob("*.yaml")}
        files = {
            stem: yaml.safe_load(re.sub(rf"(?<![\d.]){re.escape(moved[0])}", moved[1], text) if moved[0] else text)
            for stem, text in texts.items()
        }
        self._version = files.pop("version")
        files.pop("facts", None)
        self._kinds = _ALWAYS | set(files)
        self.objects = {
            (kind, obj["metadata"].get("namespace"), obj["metadata"]["name"]): obj
            for kind, answer in files.items()
            for obj in answer["items"]
        }
        self.pod_status = lambda pod: pod["status"]

    def answer(self, method, path, query, body):
        """As `serving` wants it."""
        if method != "GET":
            return status(405, "MethodNotAllowed", "a recording does not change")
        if path == "/version":
            return 200, self._version
        if path.rpartition("/")[2] not in self._kinds:
            return 404, b"404 page not found"
        return super().answer(method, path, query, body)


def discovered(name: str, folder: Path, moved: tuple[str, str] = ("", "")) -> ClusterFacts:
    """What the real discovery says of a recording, over HTTP. `folder` is for the kubeconfig."""
    with recording(name, moved) as server:
        return discover(connect(kubeconfig(folder / "kubeconfig", server)))


@contextmanager
def recording(name: str, moved: tuple[str, str] = ("", "")) -> Iterator[str]:
    """The URL of a server that plays a recording."""
    with serving(RecordedCluster(name, moved).answer) as server:
        yield server
