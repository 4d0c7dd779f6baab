"""Readiness, endpoints and the end of a pod, seen through the API and by packets from outside of it."""

import pytest
import yaml
from agent_for_tests import agent, exchange
from agentpods import HOST_PROCESS, provide_agent, serve, serving
from runninglab import Api, ready, start_lab, until

from podwire.content import manifests_folder

STUBBORN = "import signal, time\nsignal.signal(15, signal.SIG_IGN)\nprint('up', flush=True)\ntime.sleep(600)"
NAMESPACE = "/api/v1/namespaces/default"
SLICES = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices"


@pytest.fixture(scope="module")
def lab():
    with start_lab("l2bridge-win-bridge") as started:
        provide_agent(Api(started))
        yield started


@pytest.fixture(scope="module")
def api(lab):
    return Api(lab)


def conditions(api, service):
    """The endpoints of a Service: pod name to `(ready, serving, terminating)`."""
    found = api("GET", f"{SLICES}?labelSelector=kubernetes.io%2Fservice-name%3D{service}")["items"]
    return {
        each["targetRef"]["name"]: tuple(each["conditions"][name] for name in ("ready", "serving", "terminating"))
        for slice_ in found
        for each in slice_["endpoints"]
    }


def service(api, name, **spec):
    body = {"metadata": {"name": name}, "spec": {"selector": {"app": name}, "ports": [{"port": 80}], **spec}}
    return api("POST", f"{NAMESPACE}/services", body)["spec"]


def connect(address, port):
    return f"import socket; socket.create_connection(('{address}', {port}), 3)"


def addresses(api, service):
    """The older Endpoints object: addresses and not ready ones, as numbers."""
    subsets = api("GET", f"{NAMESPACE}/endpoints/{service}").get("subsets", [])
    return tuple(sum(len(each.get(key, ())) for each in subsets) for key in ("addresses", "notReadyAddresses"))


def test_an_exec_probe_takes_readiness_and_gives_it_back(api):
    probe = {"readinessProbe": {"exec": {"command": ["test", "-e", "/tmp/go"]}, "periodSeconds": 1}}
    probe["readinessProbe"]["failureThreshold"] = 1
    service(api, "gated")
    serve(api, "gated", "windows-1", container=probe)
    api.wait("gated", lambda pod: pod["status"]["phase"] == "Running")
    until(lambda: conditions(api, "gated") == {"gated": (False, False, False)})
    assert addresses(api, "gated") == (0, 1)
    assert api.exec("gated", "touch", "/tmp/go")[0] == 0
    until(lambda: conditions(api, "gated") == {"gated": (True, True, False)})
    assert addresses(api, "gated") == (1, 0)
    assert api.exec("gated", "rm", "/tmp/go")[0] == 0
    until(lambda: conditions(api, "gated") == {"gated": (False, False, False)})


def test_a_readiness_gate_waits_for_a_condition_that_somebody_writes(api):
    serve(api, "waits", "linux-1", readinessGates=[{"conditionType": "example.net/open"}])
    pod = api.wait("waits", lambda pod: ("ContainersReady", "True") in {(c["type"], c["status"]) for c in cs(pod)})
    (closed,) = [c for c in cs(pod) if c["type"] == "Ready"]
    assert (closed["status"], closed["reason"]) == ("False", "ReadinessGatesNotReady")
    for value in ("True", "False"):
        write_condition(api, "waits", value)
        until(lambda value=value: ready(api.pod("waits")) == (value == "True"))


def cs(pod):
    return pod["status"]["conditions"]


def write_condition(api, name, value):
    pod = api.pod(name)
    others = [c for c in cs(pod) if c["type"] != "example.net/open"]
    pod["status"]["conditions"] = [*others, {"type": "example.net/open", "status": value}]
    api("PUT", f"{NAMESPACE}/pods/{name}/status", pod)


def test_a_pod_that_takes_its_time_to_end_is_reached_and_serving_until_then(api):
    service(api, "slow")
    serve(api, "asks", "linux-1")
    api.wait("asks", ready)
    hook = {"lifecycle": {"preStop": {"exec": {"command": ["sh", "-c", "until test -e /tmp/end; do sleep 0.1; done"]}}}}
    serve(api, "slow", "windows-2", terminationGracePeriodSeconds=60, container=hook)
    address = serving(api, "slow")["status"]["podIP"]
    until(lambda: conditions(api, "slow") == {"slow": (True, True, False)})
    api("DELETE", f"{NAMESPACE}/pods/slow")
    until(lambda: conditions(api, "slow") == {"slow": (False, True, True)})
    assert addresses(api, "slow") == (0, 0)
    assert api.exec("asks", "python", "-c", connect(address, 8080)) == (0, "")
    assert api.exec("slow", "touch", "/tmp/end")[0] == 0
    until(lambda: not api.exists(f"{NAMESPACE}/pods/slow"))
    until(lambda: conditions(api, "slow") == {})


def test_a_process_that_ignores_the_signal_lives_as_long_as_its_grace_period(api):
    service(api, "stubborn", publishNotReadyAddresses=True)
    api.run("stubborn", "python", "-c", STUBBORN, nodeName="linux-1", terminationGracePeriodSeconds=60)
    until(lambda: api.wait("stubborn", ready) and api.text(f"{NAMESPACE}/pods/stubborn/log") == "up\n")
    api("DELETE", f"{NAMESPACE}/pods/stubborn")
    until(lambda: conditions(api, "stubborn") == {"stubborn": (True, True, True)})
    assert addresses(api, "stubborn") == (1, 0)
    api("DELETE", f"{NAMESPACE}/pods/stubborn?gracePeriodSeconds=1")
    until(lambda: not api.exists(f"{NAMESPACE}/pods/stubborn"))


def test_a_hook_that_never_ends_is_cut_off_with_the_grace_period(api):
    hook = {"lifecycle": {"preStop": {"exec": {"command": ["sleep", "600"]}}}}
    serve(api, "hangs", "linux-1", container=hook, terminationGracePeriodSeconds=1)
    api.wait("hangs", ready)
    api("DELETE", f"{NAMESPACE}/pods/hangs")
    until(lambda: not api.exists(f"{NAMESPACE}/pods/hangs"))
    events = api("GET", f"{NAMESPACE}/events?fieldSelector=involvedObject.name%3Dhangs")["items"]
    assert "FailedPreStopHook" in {event["reason"] for event in events}


@pytest.mark.parametrize("node", ["linux-1", "windows-2"])
def test_a_hook_that_runs_outlives_a_shorter_grace_and_ends_with_its_datagram(api, node):
    (variant,) = yaml.safe_load_all((manifests_folder() / "variants" / "leaving.yaml").read_text())
    hook = {"lifecycle": variant["spec"]["containers"][0]["lifecycle"]}
    name = f"leaves-{node}"
    serve(api, name, node, terminationGracePeriodSeconds=180, container=hook)
    serving(api, name)
    api("DELETE", f"{NAMESPACE}/pods/{name}")
    bound = "import socket; s = socket.socket(2, 2); s.bind(('127.0.0.1', 18099))"
    until(lambda: "Errno" in api.exec(name, "python", "-c", bound)[1])
    api("DELETE", f"{NAMESPACE}/pods/{name}?gracePeriodSeconds=1")
    for _ in range(3):
        assert api.exec(name, "true") == (0, "")
    datagram = "import socket; socket.socket(2, 2).sendto(b'x', ('127.0.0.1', 18099))"
    api.exec(name, "python", "-c", datagram)  # It may be ended itself with the pod.
    until(lambda: not api.exists(f"{NAMESPACE}/pods/{name}"))


def test_a_windows_pod_that_asks_for_the_host_network_does_not_get_it(api, lab):
    serve(api, "asks-for-it", "windows-1", port=8181, hostNetwork=True)
    serve(api, "host-process", "windows-1", port=8182, hostNetwork=True, securityContext=HOST_PROCESS)
    node = ["172.31.0.11", "fd31::b"]
    for name in ("asks-for-it", "host-process"):
        status = serving(api, name)["status"]
        assert [each["ip"] for each in status["podIPs"]] == [each["ip"] for each in status["hostIPs"]] == node
    own = "import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.connect(('203.0.113.10', 9))"
    own += "; print(s.getsockname()[0])"
    assert api.exec("asks-for-it", "python", "-c", own)[1].startswith("10.244.11.")
    assert api.exec("host-process", "python", "-c", own)[1] == "172.31.0.11\n"
    with agent(*lab.external_command) as client:
        assert exchange(client, "tcp", 8182, host=node[0])["reply"]["identity"] == "host-process"
        assert exchange(client, "tcp", 8181, host=node[0])["error"]["kind"] == "refused"
    api("DELETE", f"{NAMESPACE}/pods/asks-for-it")
    until(lambda: not api.exists(f"{NAMESPACE}/pods/asks-for-it"))


def test_slices_made_by_hand_reach_proxy_and_names(api):
    serve(api, "behind", "linux-2")
    address = api.wait("behind", ready)["status"]["podIP"]
    body = {"metadata": {"name": "manual"}, "spec": {"ports": [{"port": 80}]}}
    cluster_ip = api("POST", f"{NAMESPACE}/services", body)["spec"]["clusterIP"]
    headless = {"metadata": {"name": "crowd"}, "spec": {"clusterIP": "None", "ports": [{"port": 80}]}}
    api("POST", f"{NAMESPACE}/services", headless)
    crowd = [f"198.18.{n // 250}.{1 + n % 250}" for n in range(1000)]
    for name, members in (("manual", [address]), ("crowd", crowd)):
        made = {"metadata": {"name": f"{name}-by-hand", "labels": {"kubernetes.io/service-name": name}}}
        made |= {"addressType": "IPv4", "ports": [{"port": 8080, "protocol": "TCP", "name": ""}]}
        made |= {"endpoints": [{"addresses": [each]} for each in members]}
        api("POST", SLICES, made)
    asks = "import socket, sys; print(len({f[4][0] for f in socket.getaddrinfo(sys.argv[1], 80, 2)}))"
    until(lambda: api.exec("behind", "python", "-c", asks, "crowd") == (0, "1000\n"))
    until(lambda: api.exec("behind", "python", "-c", connect(cluster_ip, 80)) == (0, ""))
    assert len(api("GET", f"{SLICES}/crowd-by-hand")["endpoints"]) == 1000
