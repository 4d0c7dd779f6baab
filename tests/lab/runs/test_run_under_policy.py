"""A run as the account of manifests/rbac.yaml, held by manifests/admission.yaml: it needs no more."""

import pytest
from lab_accounts import Account
from running import run
from runninglab import start_lab

# What these need: a Service deleted and made again, pods deleted, a Service with written endpoints, a DNS server's pod.
CASES = ("SVC-RECREATE", "SVC-TERMINATING-CIP", "BACKENDS-64", "DNS-CUSTOM", "FLOW-NODE-POD")


@pytest.fixture
def admin():
    with start_lab("l2bridge-win-bridge") as lab:
        yield Account.of(lab.kubeconfig)


def test_a_run_under_the_policy_passes_and_leaves_nothing(admin, tmp_path):
    admin.apply("rbac.yaml", "admission.yaml")
    config = admin.runner().kubeconfig(tmp_path / "config")
    chosen = [word for name in CASES for word in ("--requirement", name)]
    done = run(tmp_path / "run", "--kubeconfig", str(config), "--family", "ipv4", *chosen)
    assert done.code == 0, done.text
    assert set(done.outcomes.values()) == {"pass", "limitation confirmed"}
    assert {name.partition("/")[2].partition("[")[0] for name in done.outcomes} == set(CASES)
    left = admin.ask("GET", "/api/v1/namespaces")[1]["items"]
    assert [one["metadata"]["name"] for one in left if one["metadata"]["name"].startswith("podwire-")] == []


def test_a_run_in_a_namespace_of_somebody_else_writes_nothing_elsewhere(admin, tmp_path):
    admin.apply("rbac-namespace.yaml", "admission.yaml")
    theirs = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "theirs"}}
    assert admin.ask("POST", "/api/v1/namespaces/podwire-runs/configmaps", theirs)[0] == 201
    before = _everything(admin)
    runner = admin.runner()
    # The positive control: this account makes no namespace.
    made = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "podwire-r1"}}
    assert runner.ask("POST", "/api/v1/namespaces", made)[0] == 403
    config = str(runner.kubeconfig(tmp_path / "config"))
    chosen = [word for name in CASES for word in ("--requirement", name)]
    there = ("--kubeconfig", config, "--namespace", "podwire-runs")
    done = run(tmp_path / "run", *there, "--family", "ipv4", *chosen)
    assert done.code == 0, done.text
    assert set(done.outcomes.values()) == {"pass", "limitation confirmed"}
    assert _everything(admin) == before


def _everything(admin):
    """Names of all namespaces, and of what runs make, wherever it is."""
    core = [f"/api/v1/{plural}" for plural in ("namespaces", "pods", "services", "configmaps")]
    slices = "/apis/discovery.k8s.io/v1/endpointslices"
    policies = "/apis/networking.k8s.io/v1/networkpolicies"
    return {
        (path, item["metadata"].get("namespace", ""), item["metadata"]["name"])
        for path in (*core, slices, policies)
        for item in admin.ask("GET", path)[1]["items"]
    }
