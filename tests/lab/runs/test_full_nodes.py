"""Windows nodes of the lab whose addresses are all pods': who waits for what, and is told so."""

import pytest
from runninglab import Api, start_lab, until

from podwire.model.verdicts import Outcome
from podwire.planning.plan import Selection
from podwire.running.mutants import outcomes
from podwire.running.run_options import LabOptions, RunOptions

PODS = "/api/v1/namespaces/default/pods"
SLEEP = ("python", "-c", "import signal; signal.sigwait({15})")


@pytest.fixture(scope="module")
def api():
    with start_lab("awsvpc") as lab:
        yield Api(lab)


def events(api, pod):
    found = api("GET", f"/api/v1/namespaces/default/events?fieldSelector=involvedObject.name%3D{pod}")["items"]
    return {one["reason"]: one["message"] for one in found}


def addresses(api):
    return {pod["metadata"]["name"]: pod["status"].get("podIP") for pod in api("GET", PODS)["items"]}


def test_a_pod_more_than_the_card_has_addresses_waits_and_gets_one_only_after_its_rest(api):
    for number in range(10):
        api.run(f"p{number}", *SLEEP, nodeSelector={"kubernetes.io/hostname": "windows-1"})
    until(lambda: sum(1 for address in addresses(api).values() if address) == 9)
    last = next(name for name, address in addresses(api).items() if not address)
    assert "Insufficient vpc.amazonaws.com/PrivateIPv4Address" in events(api, last)["FailedScheduling"]
    first = next(name for name in addresses(api) if name != last)
    api("DELETE", f"{PODS}/{first}?gracePeriodSeconds=0")
    until(lambda: "FailedCreatePodSandBox" in events(api, last))
    assert "node windows-1 has no free pod address" in events(api, last)["FailedCreatePodSandBox"]
    assert addresses(api)[last] is None


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [(None, Outcome.LIMITATION_CONFIRMED), ("foreign-block-borrowed", Outcome.LIMITATION_LIFTED)],
)
def test_a_run_fills_a_node_of_calico_and_one_pod_gets_no_address_unless_the_node_borrows(fault, outcome):
    selection = Selection(requirements=("ADDR-CALICO-60",), fill_nodes=True)
    lab = LabOptions(profile="overlay-calico-vxlan", faults=(fault,) if fault else ())
    assert set(outcomes(RunOptions(lab=lab, selection=selection)).values()) == {outcome}


def test_a_run_fills_a_node_of_eks_and_its_addresses_rest():
    selection = Selection(requirements=("ADDR-COOL-DOWN", "EKS-USED-UP"), fill_nodes=True)
    found = outcomes(RunOptions(lab=LabOptions(profile="awsvpc"), selection=selection))
    assert (len(found), set(found.values())) == (3, {Outcome.PASS})
