"""The metadata service of the lab's EC2: what it tells a node of its network card, to whom, and as the card fills."""

import json

import pytest
from runninglab import Api, ready, start_lab

ASK = """
import json, sys, urllib.request
from urllib.error import HTTPError

def ask(path, method="GET", **head):
    request = urllib.request.Request("http://169.254.169.254/latest/" + path, method=method, headers=head)
    try:
        return urllib.request.urlopen(request, timeout=5).read().decode()
    except HTTPError as error:
        return error.code

lifetime, wrong = {"X-aws-ec2-metadata-token-ttl-seconds": "60"}, {"X-aws-ec2-metadata-token": "x"}
token = {"X-aws-ec2-metadata-token": ask("api/token", "PUT", **lifetime)}
mac = ask("meta-data/mac", **token)
card = "meta-data/network/interfaces/macs/" + str(mac) + "/"
print(json.dumps({
    "without": [ask("api/token", "PUT"), ask("meta-data/mac"), ask("meta-data/mac", **wrong)],
    "mac": mac,
    "cards": ask("meta-data/network/interfaces/macs/", **token),
    "own": ask("meta-data/local-ipv4", **token),
    "single": str(ask(card + "local-ipv4s", **token)).split(),
    "prefixes": str(ask(card + "ipv4-prefix", **token)).split(),
}))
"""
SLEEP = ("python", "-c", "import signal; signal.pause()")
HOST_PROCESS = {"hostNetwork": True, "securityContext": {"windowsOptions": {"hostProcess": True}}}


@pytest.fixture(scope="module", params=["awsvpc", "awsvpc-prefix"])
def api(request):
    with start_lab(request.param) as lab:
        one = Api(lab)
        one.profile = request.param
        yield one


def started(api, name, node, **spec):
    api.run(name, *SLEEP, nodeName=node, **spec)
    return api.wait(name, ready)["status"]["podIP"]


def told(api, name):
    code, said = api.exec(name, "python", "-c", ASK)
    assert code == 0, said
    return json.loads(said)


def test_a_node_is_told_of_its_card_and_of_no_other(api):
    started(api, "host", "windows-1", **HOST_PROCESS)
    first = told(api, "host")
    assert first["without"] == [400, 401, 401]
    assert (first["mac"], first["own"]) == ("02:10:00:00:00:0b", "172.31.0.11")
    assert first["cards"] == "02:10:00:00:00:0b/"
    address = started(api, "one", "windows-1")
    started(api, "elsewhere", "windows-2")
    then = told(api, "host")
    if api.profile == "awsvpc":
        numbers = [f"172.31.75.{last}" for last in range(10, 14)]
        assert (first["single"], then["single"]) == (["172.31.0.11", *numbers[:3]], ["172.31.0.11", *numbers])
        assert (then["prefixes"], address) == (["404"], numbers[0])
    else:
        assert (first["prefixes"], then["prefixes"]) == (["172.31.75.16/28"], ["172.31.75.16/28", "172.31.75.32/28"])
        assert (then["single"], address) == (["172.31.0.11"], "172.31.75.16")


def test_a_linux_node_is_told_its_own_address_only(api):
    started(api, "linux", "linux-1", hostNetwork=True)
    here = told(api, "linux")
    assert (here["own"], here["single"]) == ("172.31.0.1", ["172.31.0.1"])
