"""Objects that are none end a run with exit code 3 and one line; the traceback is a file of the run."""

import subprocess
import sys
from pathlib import Path

import pytest
from api_objects import node
from fake_api import FakeCluster, kubeconfig
from misbehaving_api import Act, misbehaving

CHECKOUT = Path(__file__).parents[2]


def broken_proxy(request):
    """kube-proxy's ConfigMap, whose data are no mapping."""
    if request.plural == "configmaps":
        return Act(obj={"items": [{"metadata": {"name": "kube-proxy"}, "data": ["a"]}]})
    return None


@pytest.mark.parametrize("command", ["run", "facts", "plan"])
def test_a_malformed_object_is_one_line(command, tmp_path):
    folder = tmp_path / "run"
    with misbehaving(FakeCluster([node("l1"), node("w1", "windows")]), broken_proxy) as (server, _):
        file = kubeconfig(tmp_path / "k", server)
        words = [sys.executable, "-m", "podwire", command, "--kubeconfig", str(file)]
        words += ["--run-dir", str(folder)] if command == "run" else []
        done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False, cwd=CHECKOUT)
    assert done.returncode == 3, done.stdout + done.stderr
    lines = done.stderr.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("podwire: context test: podwire cannot read an API object (AttributeError: ")
    if command == "run":
        assert lines[0].endswith(f"; traceback: {folder}/traceback.txt")
        assert "discover.py" in (folder / "traceback.txt").read_text()
        assert [one.name for one in folder.iterdir()] == ["traceback.txt"]
