"""A real run through the API, whose server goes away in the middle of it, or when it is over."""

import gzip
import json
import re
import subprocess
import sys
import threading
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml
from runninglab import Api, start_lab
from severed_proxy import SeveredProxy

CHECKOUT = Path(__file__).parents[2]
BOUND = 300.0
CHOSEN = ("--requirement", "FLOW-POD-SVC-CLUSTER-IP", "--requirement", "SVC-TERMINATING-CIP")


@pytest.fixture(scope="module")
def lab():
    with start_lab("l2bridge-win-bridge") as started:
        yield started


@pytest.fixture
def proxy(lab):
    server = urlsplit(yaml.safe_load(lab.kubeconfig.read_text())["clusters"][0]["cluster"]["server"])
    made = SeveredProxy((server.hostname, server.port))
    yield made
    made.sever()


def run(lab, proxy, tmp_path, word, seconds):
    """Run some cases; the API server is away for so many seconds from the line with that word on."""
    tree = yaml.safe_load(lab.kubeconfig.read_text())
    tree["clusters"][0]["cluster"]["server"] = f"http://127.0.0.1:{proxy.port}"
    file = tmp_path / "kubeconfig"
    file.write_text(yaml.safe_dump(tree))
    command = [sys.executable, "-m", "podwire", "run", "--kubeconfig", str(file), "--run-dir", str(tmp_path / "run")]
    process = subprocess.Popen(
        [*command, "--no-report", *CHOSEN], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=CHECKOUT
    )
    lines, back = [], threading.Timer(seconds, proxy.restore)
    hangs = threading.Timer(BOUND, process.kill)
    hangs.start()
    for line in process.stdout:
        lines.append(line)
        if word in line and not back.is_alive():
            assert proxy.sever()
            back.start()
            word = "\0"
    assert process.wait(60) == 0, "".join(lines)
    hangs.cancel()
    assert word == "\0", "".join(lines)
    return "".join(lines), json.loads((tmp_path / "run" / "run.json").read_text())


def namespaces(lab):
    return [item["metadata"]["name"] for item in Api(lab)("GET", "/api/v1/namespaces")["items"]]


def outcomes(record):
    return {case["verdict"]["outcome"] for case in record["cases"]}


def test_away_while_flows_are_in_flight(lab, proxy, tmp_path):
    text, record = run(lab, proxy, tmp_path, "exchanges in flight", 3.0)
    assert re.search(r"repeating \d+ cases?, because streams to the agents broke", text), text
    assert outcomes(record) == {"pass", "limitation confirmed"}
    with gzip.open(tmp_path / "run" / "observations.jsonl.gz") as lines:
        stored = [json.loads(line)["observation"] for line in lines]
    assert any("interrupted" in one for one in stored)
    assert all("problem" not in one for one in stored)
    assert not [name for name in namespaces(lab) if name.startswith("podwire-")]


def test_away_when_the_run_is_over(lab, proxy, tmp_path):
    text, record = run(lab, proxy, tmp_path, "packets captured at", 5.0)
    assert "not removed" not in text
    assert outcomes(record) == {"pass", "limitation confirmed"}
    assert not [name for name in namespaces(lab) if name.startswith("podwire-")]
