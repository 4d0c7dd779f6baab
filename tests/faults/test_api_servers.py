"""An API server that misbehaves costs what it must and no more: never a hang, and nothing is left that is not named."""

import json
import re
import sys
import threading
from dataclasses import dataclass, field

import pytest
from api_faults import API_FAULTS
from api_objects import node
from fake_api import FakeCluster, kubeconfig
from fault_rules import INTERRUPTED, KEPT, NAMED, NAMES, NO_RUN, POD, RUNS, SERVICE
from misbehaving_api import misbehaving

from podwire.cluster import rest, transport
from podwire.cluster.connect import connect
from podwire.cluster.deployment import claim, removal
from podwire.cluster.deployment.cleanup import cleanup, find_leftovers
from podwire.cluster.deployment.removal import clean_up, command
from podwire.cluster.deployment.waiting import Limits
from podwire.cluster.deployment.workloads import DeployOptions, deploy
from podwire.cluster.discovery.discover import discover
from podwire.cluster.transport import Patience
from podwire.errors import PodwireError
from podwire.planning.prerequisites import Needs, ServiceNeed

NODES = (node("l1"), node("l2"), node("w1", "windows"))
QUICK = Patience(connect=1.0, answer=0.6, total=1.5, whole=0.9)
LIMITS = Limits(ready=2.0, image=0.1, schedule=0.1, container=0.1, listed=0.5, away=1.0)
BOUND = 60.0
"""Far more than any of it may take: who is not back by then hangs."""

PLUGIN = """
import json, pathlib, sys
count = pathlib.Path(sys.argv[1])
number = int(count.read_text() or 0) + 1 if count.exists() else 1
count.write_text(str(number))
status = {"token": f"token-{number}"}
print(json.dumps({"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": status}))
"""


@dataclass
class Played:
    """What came of a run: its deployment, what clean-up left, the error."""

    deployment: object = None
    left: list = field(default_factory=list)
    error: BaseException | None = None


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(rest, "MOST_PAGES", 20)
    monkeypatch.setattr(transport, "MOST_BYTES", 2_000_000)
    monkeypatch.setattr(claim, "SECONDS", 1.0)
    monkeypatch.setattr(removal, "_ASKING", Patience(connect=0.5, answer=0.3, total=0.2, whole=0.5))


def a_user(tmp_path):
    """An exec plugin that gives another token each time."""
    file = tmp_path / "plugin.py"
    file.write_text(PLUGIN)
    command = {"command": sys.executable, "args": ["-I", "-S", str(file), str(tmp_path / "count")]}
    return {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "interactiveMode": "Never", **command}}


def play(file, fault):
    """Everything that a run asks of an API server, from the first question to the last."""
    played = Played()
    try:
        connection = connect(file, patience=QUICK)
        needs = Needs(services=(ServiceNeed(kind="echo", node="l1", probe="a"),))
        options = DeployOptions(run_id="r1", limits=LIMITS, nodes_per_os=1, needs=needs)
        played.deployment = deploy(connection, discover(connection), options)
        played.left = clean_up(connection, played.deployment.namespace, seconds=1.0)
        played.left += [command(connection, "r1")] if played.left else []
    except BaseException as error:
        played.error = error
    return played


def whole(deployment, *, but=()):
    return set(deployment.problems) == set(but) and len(list(deployment.available())) == 6 - len(but)


@pytest.mark.parametrize("fault", API_FAULTS, ids=lambda one: one.name)
def test_what_an_api_server_may_do(fault, tmp_path, quick, monkeypatch):
    cluster = FakeCluster(NODES)
    if fault.end is INTERRUPTED:
        real = removal.time.sleep

        def interrupted(seconds):
            if threading.current_thread().name == "run":
                raise KeyboardInterrupt
            real(seconds)

        monkeypatch.setattr(removal.time, "sleep", interrupted)
    with misbehaving(cluster, fault.rule) as (server, api):
        file = kubeconfig(tmp_path / "k", server, user=a_user(tmp_path))
        results = []
        run = threading.Thread(target=lambda: results.append(play(file, fault)), name="run", daemon=True)
        run.start()
        run.join(BOUND)
        assert results, "it hangs"
        (played,) = results
        api.heal()
        monkeypatch.undo()
        judge(fault, played, cluster)
        connection = connect(file)
        left = find_leftovers(connection)
        assert [one.namespace for one in left] == cluster.names("namespaces")
        assert cleanup(connection, left) == []
        assert cluster.names("namespaces") == cluster.names("pods") == []


def judge(fault, played, cluster):
    """Whether the end is the one that the table names."""
    end, said = fault.end, "; ".join(played.left)
    if end in (NO_RUN, NAMED):
        assert isinstance(played.error, PodwireError), played.error
        assert played.error.exit_code == 3
        said = str(played.error)
        assert "\n" not in said
        assert "Bearer" not in said
        assert "token-" not in said
    else:
        assert played.error is None
    if end in (NO_RUN, RUNS, POD, SERVICE, NAMES):
        assert cluster.names("namespaces") == []
        assert played.left == []
    if end in (NAMED, KEPT, INTERRUPTED):
        assert cluster.names("namespaces") == ["podwire-r1"]
        assert re.search(r"podwire cleanup --kubeconfig \S+ --context test --run r1", said)
    if end in (RUNS, KEPT, INTERRUPTED):
        assert whole(played.deployment)
        assert played.deployment.services.problems == {}
    if end is POD:
        assert whole(played.deployment, but=["l1-a"])
        said = played.deployment.problems["l1-a"]
    if end is SERVICE:
        assert whole(played.deployment)
        said = played.deployment.services.problems["echo", "l1-a"]
    if end is NAMES:
        assert whole(played.deployment)
        assert played.deployment.services.problems.keys() == {("pods", "")}
        said = played.deployment.services.problems["pods", ""]
    assert re.search(fault.says, said), said


def test_the_table_is_large_enough_and_names_each_fault_once():
    assert len({fault.name for fault in API_FAULTS}) == len(API_FAULTS) >= 40


def test_leaving_pods_whose_hook_runs_are_forgotten_at_once(tmp_path, quick):
    cluster = FakeCluster(NODES)
    with misbehaving(cluster, lambda request: None) as (server, api):
        connection = connect(kubeconfig(tmp_path / "k", server), patience=QUICK)
        options = DeployOptions(run_id="r1", limits=LIMITS, nodes_per_os=1)
        deployment = deploy(connection, discover(connection), options)
        pod = cluster.objects["pods", "podwire-r1", "l1-a"]
        pod["metadata"]["deletionTimestamp"] = "2026-11-24T00:00:00Z"
        graces = []

        def watch(request):
            if (request.verb, request.plural) == ("delete", "pods"):
                graces.append((request.name, request.query.get("gracePeriodSeconds")))

        api.rule = watch
        assert clean_up(connection, deployment.namespace) == []
    assert graces == [("l1-a", "0"), ("", "1")]


def test_what_is_asked_of_an_exec_plugin_is_asked_again_when_its_token_is_refused(tmp_path):
    cluster = FakeCluster(NODES)
    with misbehaving(cluster, lambda request: None) as (server, _):
        connection = connect(kubeconfig(tmp_path / "k", server, user=a_user(tmp_path)))
        assert connection.credentials.authorization() == "Bearer token-1"
        assert connection.credentials.renew()
        assert connection.credentials.authorization() == "Bearer token-2"
        assert json.loads((tmp_path / "count").read_text()) == 2
