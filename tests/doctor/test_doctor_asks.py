"""`podwire doctor` against the lab's API, as the accounts that a run may have."""

import json

import pytest
from lab_accounts import Account
from runninglab import start_lab

from podwire.cli import main as cli


@pytest.fixture(scope="module")
def admin():
    with start_lab("l2bridge-win-bridge") as lab:
        yield Account.of(lab.kubeconfig)


def examined(capsys, kubeconfig, *words, code=0):
    assert cli.main(["doctor", "--kubeconfig", str(kubeconfig), "--json", *words]) == code
    return {(remark["state"], remark["what"]) for remark in json.loads(capsys.readouterr().out)}


def of(subject, remarks):
    return {(state, what) for state, what in remarks if what.startswith(subject)}


def test_the_account_of_the_manifests_may_do_all_and_the_doctor_makes_nothing(admin, tmp_path, capsys):
    admin.apply("rbac.yaml")
    namespaces = admin.ask("GET", "/api/v1/namespaces")[1]["items"]
    remarks = examined(capsys, admin.runner().kubeconfig(tmp_path / "config"))
    assert [state for state, _ in of("rights", remarks)] == ["good"]
    assert {what for state, what in remarks if state == "stop"} == set()
    assert ("good", "room: the nodes of the plan have room for its pods") in remarks
    assert any("--load-balancer" in what or what.startswith("plan: cases are left out") for _, what in remarks)
    assert len(admin.ask("GET", "/api/v1/namespaces")[1]["items"]) == len(namespaces)


def test_an_account_without_a_right_is_stopped_with_the_verb_and_the_file(admin, tmp_path, capsys):
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "reader", "namespace": "default"}}
    admin.ask("POST", "/api/v1/namespaces/default/serviceaccounts", account)
    role = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": "reader"},
        "rules": [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["get", "list"]}],
    }
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": "reader"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "reader"},
        "subjects": [{"kind": "ServiceAccount", "name": "reader", "namespace": "default"}],
    }
    for path, body in (("clusterroles", role), ("clusterrolebindings", binding)):
        assert admin.ask("POST", f"/apis/rbac.authorization.k8s.io/v1/{path}", body)[0] == 201
    reader = admin.runner("/api/v1/namespaces/default/serviceaccounts/reader").kubeconfig(tmp_path / "config")
    remarks = of("rights", examined(capsys, reader, code=3))
    assert ("stop", "rights: this account may not create pods/exec") in remarks
    assert ("note", "rights: this account may not create or delete or patch networkpolicies") in remarks


def test_a_namespace_that_exists_is_looked_at(admin, tmp_path, capsys):
    admin.apply("rbac-namespace.yaml")
    config = admin.runner().kubeconfig(tmp_path / "config")
    remarks = examined(capsys, config, "--namespace", "podwire-runs")
    assert [state for state, _ in of("rights", remarks)] == ["good"]


def test_the_lab_is_looked_at_like_a_cluster(capsys):
    assert cli.main(["doctor", "--lab", "nat"]) == 0
    said = capsys.readouterr().out
    assert "good    clocks: this machine and the API server agree\n" in said
    assert said.splitlines()[-1].startswith("0 in the way of a run, ")


def test_a_cluster_that_does_not_answer_is_one_line(tmp_path, capsys):
    config = Account("http://127.0.0.1:1", "x").kubeconfig(tmp_path / "config")
    assert cli.main(["doctor", "--kubeconfig", str(config)]) == 3
    assert len(capsys.readouterr().err.splitlines()) == 1
