"""What programs in pods of an emulated Windows node are given: names, their suffixes, hosts files, node tools."""

import json
import re

import pytest
from agentpods import HOST_PROCESS
from runninglab import Api, ready, start_lab, until

SLEEP = ("python", "-c", "import signal; signal.sigwait({15})")
FIND = "import socket, sys; print(*sorted({f[4][0] for f in socket.getaddrinfo(sys.argv[1], 80, 2)}))"
OUTSIDE, SUFFIX = "203.0.113.10", "default.svc.cluster.local"


@pytest.fixture(scope="module")
def api():
    with start_lab("overlay-win-overlay") as lab:
        yield Api(lab)


def start(api, name, node, **spec):
    api.run(name, *SLEEP, nodeName=node, **spec)
    api.wait(name, ready)


def find(api, pod, name):
    code, said = api.exec(pod, "python", "-c", FIND, name)
    return said.split() if code == 0 else None


def cluster_ip(api, name):
    body = {"metadata": {"name": name}, "spec": {"selector": {"app": "nobody"}, "ports": [{"port": 80}]}}
    return api("POST", "/api/v1/namespaces/default/services", body)["spec"]["clusterIP"]


BESIDE = """
import socket
server = socket.create_server(("127.0.0.1", 8090))
while True:
    server.accept()[0].sendall(b"beside")
"""


def test_containers_of_a_pod_share_their_loopback(api):
    ask = "import socket; print(socket.create_connection(('127.0.0.1', 8090), 5).recv(9).decode())"
    image = {"image": "python:3.12"}
    both = [{"name": "c", **image, "command": list(SLEEP)}, {"name": "d", **image, "command": ["python", "-c", BESIDE]}]
    start(api, "both", "windows-1", containers=both)
    assert until(lambda: api.exec("both", "python", "-c", ask)[1].startswith("beside\n"))


def test_nslookup_finds_what_the_resolver_of_programs_does_not(api):
    start(api, "asks", "windows-1")
    address = cluster_ip(api, "web")
    assert find(api, "asks", "web") == [address]
    assert find(api, "asks", "kubernetes.default.svc.cluster.local.") == ["10.96.0.1"]
    external = {"metadata": {"name": "away"}, "spec": {"type": "ExternalName", "externalName": "echo.outside.example"}}
    api("POST", "/api/v1/namespaces/default/services", external)
    code, said = api.exec("asks", "nslookup", "away")
    assert code == 0
    assert said.splitlines()[:2] == ["Server:  kube-dns.kube-system.svc.cluster.local", "Address:  10.96.0.10"]
    assert "Aliases:  away.default.svc.cluster.local" in said


def test_suffixes_of_its_own_serve_a_windows_pod_for_single_labels_and_for_nslookup(api):
    searches = ["none.example", "svc.cluster.local", "default.svc.cluster.local"]
    config = {"nameservers": ["10.96.0.10"], "searches": searches}
    config["options"] = [{"name": "ndots", "value": "5"}]
    start(api, "configured", "windows-2", dnsPolicy="None", dnsConfig=config)
    start(api, "configured-linux", "linux-2", dnsPolicy="None", dnsConfig=config)
    assert find(api, "configured", "kubernetes") == ["10.96.0.1"]
    assert find(api, "configured", "kubernetes.default") is None
    assert "Addresses:  10.96.0.1\n" in api.exec("configured", "nslookup", "kubernetes.default")[1]
    assert find(api, "configured-linux", "kubernetes.default") == ["10.96.0.1"]


def test_an_alias_of_the_hosts_file_needs_no_server(api):
    aliases = [{"ip": "198.51.100.7", "hostnames": ["alias", "alias.example"]}]
    nobody = {"dnsPolicy": "None", "dnsConfig": {"nameservers": ["198.51.100.99"]}}
    for name, node in (("aliased-windows", "windows-1"), ("aliased-linux", "linux-1")):
        start(api, name, node, hostAliases=aliases, **nobody)
        for alias in ("alias", "alias.example"):
            assert find(api, name, alias) == ["198.51.100.7"]
    start(api, "aliased-node", "windows-1", hostAliases=aliases, hostNetwork=True, securityContext=HOST_PROCESS)
    assert find(api, "aliased-node", "alias.example") is None


def test_a_host_process_pod_asks_the_resolver_of_its_node(api):
    spec = {"hostNetwork": True, "securityContext": HOST_PROCESS, "dnsPolicy": "ClusterFirstWithHostNet"}
    start(api, "on-node", "windows-2", **spec)
    assert find(api, "on-node", "kubernetes.default.svc.cluster.local") is None
    assert find(api, "on-node", "echo.outside.example") == [OUTSIDE]
    code, said = api.exec("on-node", "nslookup", "kubernetes.default.svc.cluster.local")
    assert (code, said.splitlines()[1]) == (0, f"Address:  {OUTSIDE}")
    assert "Non-existent domain" in said


def test_the_default_policy_is_the_resolver_of_the_node(api):
    start(api, "by-default", "windows-1", dnsPolicy="Default")
    assert find(api, "by-default", "kubernetes.default.svc.cluster.local") is None
    assert find(api, "by-default", "echo.outside.example") == [OUTSIDE]


def test_ipconfig_tells_what_the_adapter_is_told(api):
    start(api, "tells", "windows-1")
    ips = api.pod("tells")["status"]["podIPs"]
    code, said = api.exec("tells", "ipconfig", "/all")
    assert code == 0
    lines = [re.sub(r"[ .]+: ", ": ", line.strip()) for line in said.splitlines() if line]
    assert lines[:3] == ["Windows IP Configuration", "Host Name: tells", f"DNS Suffix Search List: {SUFFIX}"]
    assert lines[3:5] == ["Ethernet adapter vEthernet (eth0):", f"Connection-specific DNS Suffix: {SUFFIX}"]
    assert [f"IPv4 Address: {each['ip']}" for each in ips] == [line for line in lines if line.startswith("IPv")]
    assert lines[-3:] == ["Subnet Mask: 255.255.255.0", "Default Gateway: 10.244.11.1", "DNS Servers: 10.96.0.10"]
    assert "DNS Servers" not in api.exec("tells", "ipconfig")[1]
    assert "Successfully flushed" in api.exec("tells", "ipconfig", "/flushdns")[1]
    assert api.exec("tells", "ipconfig", "/release")[0] == 1


def test_a_host_process_container_runs_the_cni_plugins_of_its_node(api):
    start(api, "checks", "windows-2", hostNetwork=True, securityContext=HOST_PROCESS)
    start(api, "isolated", "windows-2")
    run = "import os, subprocess, sys; os.environ.update(a.split('=') for a in sys.argv[2:])"
    run += '; sys.exit(subprocess.run([sys.argv[1]], input=b\'{"cniVersion": "0.4.0", "name": "n"}\').returncode)'
    for plugin in ("win-bridge", "win-overlay"):
        path = f"C:\\opt\\cni\\bin\\{plugin}.exe"
        code, said = api.exec("checks", "python", "-c", run, path, "CNI_COMMAND=VERSION")
        assert code == 0
        assert "0.4.0" in json.loads(said)["supportedVersions"]
        about = ("CNI_CONTAINERID=none", "CNI_NETNS=none", "CNI_IFNAME=eth0", "CNI_PATH=none")
        assert api.exec("checks", "python", "-c", run, path, "CNI_COMMAND=CHECK", *about) == (0, "")
        assert "FileNotFoundError" in api.exec("isolated", "python", "-c", run, path, "CNI_COMMAND=VERSION")[1]
