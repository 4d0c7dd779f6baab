"""Services through the API of a running lab: what is allocated, who answers, and what a change of type leaves."""

import json
import urllib.error

import pytest
from runninglab import Api, ready, start_lab, until

HTTP = ("python", "-m", "http.server", "--bind", "::", "8080")
ASK = """
import json, sys, urllib.error, urllib.request
try:
    answer = urllib.request.urlopen(sys.argv[1], timeout=2)
except urllib.error.HTTPError as error:
    answer = error
except OSError as error:
    raise SystemExit(f"{getattr(error, 'reason', error)}")
print(json.dumps([answer.status, answer.read().decode()]))
"""
SERVICES = "/api/v1/namespaces/default/services"
NODE_PORTS = range(30000, 32768)


@pytest.fixture(scope="module", name="api")
def _api():
    with start_lab("l2bridge-win-bridge", build="20348.1000") as lab:
        api = Api(lab)
        ports = [{"containerPort": 8080, "hostPort": 9300}]
        api.run("web", *HTTP, container={"ports": ports}, nodeName="windows-1")
        for node in ("linux-1", "windows-2"):
            api.run(f"client-{node}", "python", "-c", "import signal; signal.pause()", nodeName=node)
        for name in ("web", "client-linux-1", "client-windows-2"):
            api.wait(name, ready)
        yield api


@pytest.fixture(name="service")
def _service(api):
    """Make a Service of the pod `web`; it is removed after the test."""
    made = []

    def create(**spec):
        name = f"s{len(made)}"
        ports = spec.pop("ports", [{"port": 80, "targetPort": 8080}])
        body = {"metadata": {"name": name}, "spec": {"selector": {"app": "web"}, "ports": ports, **spec}}
        created = api("POST", SERVICES, body)
        made.append(name)
        return created

    yield create
    for name in made:
        api("DELETE", f"{SERVICES}/{name}")


def get(api, service):
    return api("GET", f"{SERVICES}/{service['metadata']['name']}")


def change(api, service, **spec):
    now = get(api, service)
    now["spec"] |= spec
    return api("PUT", f"{SERVICES}/{service['metadata']['name']}", now)


def ask(api, client, url):
    """Status and body of an HTTP answer, or a line that says why there is none."""
    code, said = api.exec(f"client-{client}", "python", "-c", ASK, url)
    return json.loads(said) if code == 0 else said.strip()


def answered(api, client, url):
    return until(lambda: (got := ask(api, client, url)) and not isinstance(got, str) and got, 5, lambda: url)


def test_the_nodes_tell_the_build_that_was_asked_for(api):
    info = api("GET", "/api/v1/nodes/windows-1")["status"]["nodeInfo"]
    assert (info["kernelVersion"], info["osImage"]) == ("10.0.20348.1000", "Windows Server 2022 Datacenter")


def test_a_load_balancer_gets_addresses_that_answer(api, service):
    made = service(type="LoadBalancer", ipFamilyPolicy="RequireDualStack")
    assert made["spec"]["allocateLoadBalancerNodePorts"] is True
    assert made["spec"]["ports"][0]["nodePort"] in NODE_PORTS
    ingress = until(lambda: get(api, made)["status"]["loadBalancer"].get("ingress"))
    assert [each["ipMode"] for each in ingress] == ["VIP", "VIP"]
    for client in ("linux-1", "windows-2"):
        assert answered(api, client, f"http://{ingress[0]['ip']}/")[0] == 200
        assert answered(api, client, f"http://[{ingress[1]['ip']}]/")[0] == 200


def test_node_ports_of_a_load_balancer_may_be_left_out(service):
    made = service(type="LoadBalancer", allocateLoadBalancerNodePorts=False)
    assert "nodePort" not in made["spec"]["ports"][0]


def test_every_node_says_whether_it_has_an_endpoint(api, service):
    made = service(type="LoadBalancer", externalTrafficPolicy="Local")
    port = made["spec"]["healthCheckNodePort"]
    assert port in NODE_PORTS
    for node, number in (("172.31.0.11", 1), ("172.31.0.1", 0)):
        url = f"http://{node}:{port}/healthz"
        wanted = {"service": {"namespace": "default", "name": "s0"}, "localEndpoints": number}
        status, body = answered(api, "windows-2", url)
        assert status == (200 if number else 503)
        assert json.loads(body) == wanted | {"serviceProxyHealthy": True}
    changed = change(api, made, externalTrafficPolicy="Cluster", healthCheckNodePort=None)
    assert "healthCheckNodePort" not in changed["spec"]
    until(lambda: "refused" in ask(api, "windows-2", f"http://172.31.0.1:{port}/"))


def test_rules_follow_a_change_of_type_and_ports(api, service):
    made = service(type="ExternalName", externalName="echo.outside.example", ports=[{"port": 80, "targetPort": 8080}])
    assert "clusterIP" not in made["spec"]
    as_port = change(api, made, type="NodePort", externalName=None)["spec"]
    node_port, vip = as_port["ports"][0]["nodePort"], as_port["clusterIP"]
    for client in ("linux-1", "windows-2"):
        assert answered(api, client, f"http://172.31.0.2:{node_port}/")[0] == 200
        assert answered(api, client, f"http://{vip}/")[0] == 200
    change(api, made, ports=[{"port": 81, "targetPort": 8080, "nodePort": node_port}])
    assert answered(api, "windows-2", f"http://{vip}:81/")[0] == 200
    assert "timed out" in ask(api, "windows-2", f"http://{vip}/")
    inside = change(api, made, type="ClusterIP")["spec"]
    assert "nodePort" not in inside["ports"][0]
    assert "externalTrafficPolicy" not in inside
    until(lambda: "refused" in ask(api, "linux-1", f"http://172.31.0.2:{node_port}/"))
    name_only = change(api, made, type="ExternalName", externalName="echo.outside.example")["spec"]
    assert not {"clusterIP", "clusterIPs", "ipFamilies"} & set(name_only)
    until(lambda: "timed out" in ask(api, "windows-2", f"http://{vip}:81/"))


def test_a_load_balancer_that_becomes_something_else_loses_its_address(api, service):
    made = service(type="LoadBalancer")
    until(lambda: get(api, made)["status"]["loadBalancer"].get("ingress"))
    change(api, made, type="ClusterIP")
    until(lambda: get(api, made)["status"]["loadBalancer"] == {})


def test_external_addresses_answer(api, service):
    service(externalIPs=["198.51.100.200"])
    for client in ("linux-1", "windows-2"):
        assert answered(api, client, "http://198.51.100.200/")[0] == 200


def test_wrong_addresses_are_refused(service):
    for spec in (
        {"externalIPs": ["x"]},
        {"loadBalancerSourceRanges": ["10.0.0.0/33"]},
        {"externalTrafficPolicy": "No"},
    ):
        with pytest.raises(urllib.error.HTTPError, match="422"):
            service(type="LoadBalancer", **spec)


def test_a_host_port_leads_to_the_pod_while_it_lives(api):
    for client in ("linux-1", "windows-2"):
        assert answered(api, client, "http://172.31.0.11:9300/")[0] == 200
    api.run("short", *HTTP, container={"ports": [{"containerPort": 8080, "hostPort": 9301}]}, nodeName="linux-2")
    assert answered(api, "linux-1", "http://172.31.0.2:9301/")[0] == 200
    api("DELETE", "/api/v1/namespaces/default/pods/short")
    until(lambda: "refused" in ask(api, "linux-1", "http://172.31.0.2:9301/"))
