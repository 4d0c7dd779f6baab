"""A run as a guest: what it needs of a namespace that somebody else made, and what it takes away again."""

import pytest

from podwire.cli import main as cli
from podwire.cluster.connect import connect
from podwire.cluster.deployment.guest import be_guest, leave, runs_in
from podwire.errors import UsageError

TEAM = "/api/v1/namespaces/team"


@pytest.fixture
def team(api):
    """A namespace with objects of a team and of the run r1."""
    made = api.ask(
        "POST", "/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "team"}}
    )
    assert made.status == 201
    run = {"app.kubernetes.io/managed-by": "podwire", "podwire.dev/run": "r1"}
    for name, labels in (("theirs", {}), ("podwire-agent", run)):
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "labels": labels}}
        assert api.ask("POST", f"{TEAM}/configmaps", body).status == 201
        container = {"name": "c", "image": "i", "command": ["sleep", "60"]}
        spec = {"containers": [container], "nodeName": "n1"}
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": f"pod-{name}", "labels": labels}, "spec": spec}
        assert api.ask("POST", f"{TEAM}/pods", pod).status == 201
    connection = connect(api.kubeconfig)
    yield connection
    connection.close()


def names(api):
    kinds = ("pods", "configmaps")
    return [item["metadata"]["name"] for kind in kinds for item in api.ask("GET", f"{TEAM}/{kind}").json["items"]]


def test_a_run_takes_its_own_and_leaves_the_namespace(api, team):
    assert runs_in(team, "team") == ["r1"]
    assert leave(team, "team", "r1") == []
    assert names(api) == ["pod-theirs", "theirs"]
    assert runs_in(team, "team") == []
    be_guest(team, "team")


def test_two_runs_do_not_share_a_namespace(api, team):
    with pytest.raises(UsageError, match=r"run r1 has objects in it; .*: podwire cleanup .*--namespace team --run r1$"):
        be_guest(team, "team")


def test_a_namespace_that_does_not_exist_is_not_made(api, team):
    with pytest.raises(UsageError, match="--namespace none: the cluster has no such namespace; create it first"):
        be_guest(team, "none")


def test_a_namespace_on_its_way_out_is_refused(api, team):
    held = {"metadata": {"finalizers": ["a/b"]}}
    assert api.ask("PATCH", TEAM, held, kind="application/merge-patch+json").status == 200
    assert api.ask("DELETE", TEAM).status == 200
    with pytest.raises(UsageError, match="--namespace team: the cluster is deleting this namespace; name another one"):
        be_guest(team, "team")


def test_a_pod_that_does_not_end_is_told(api, team):
    api.nodes.slow_deletion = True
    assert leave(team, "team", "r1", seconds=0.2) == ["pod team/pod-podwire-agent has not ended after 0 s"]
    api.until(f"{TEAM}/pods/pod-podwire-agent", lambda reply: reply.status == 404)


def test_cleanup_removes_what_a_killed_run_left_there(api, team, capsys):
    there = ["cleanup", "--kubeconfig", str(api.kubeconfig), "--namespace", "team"]
    assert cli.main([*there, "--dry-run"]) == 0
    assert capsys.readouterr().out == "would remove what run r1 made in namespace team\n"
    assert cli.main(there) == 0
    assert capsys.readouterr().out == "removed what run r1 made in namespace team\n"
    assert names(api) == ["pod-theirs", "theirs"]
    assert cli.main(there) == 0
    assert capsys.readouterr().out == "namespace team: nothing to remove\n"


def test_the_name_of_a_namespace_is_read_with_care(capsys):
    assert cli.main(["run", "--context", "x", "--namespace", "Team A"]) == 2
    assert "--namespace Team A: must be the name of a namespace" in capsys.readouterr().err
