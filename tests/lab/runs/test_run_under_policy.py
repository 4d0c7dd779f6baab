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
    assert set(done.outcomes.values()) == {"pass"}
    assert {name.partition("/")[2].partition("[")[0] for name in done.outcomes} == set(CASES)
    left = admin.ask("GET", "/api/v1/namespaces")[1]["items"]
    assert [one["metadata"]["name"] for one in left if one["metadata"]["name"].startswith("podwire-")] == []
