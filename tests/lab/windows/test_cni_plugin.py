"""The emulated CNI plugins: CHECK succeeds whatever is broken, and only what the specification refuses is refused."""

import json
import os
import subprocess
import sys

import pytest

from podwire_lab.windows.programs import cni_plugin

CALL = {
    "CNI_COMMAND": "CHECK",
    "CNI_CONTAINERID": "no-such-container",
    "CNI_NETNS": "none",
    "CNI_IFNAME": "eth0",
    "CNI_PATH": cni_plugin.DIRECTORY,
}
NETWORK = {"cniVersion": "0.4.0", "name": "vxlan0", "type": "win-overlay"}


def call(network=NETWORK, **env):
    command = [sys.executable, "-I", "-S", cni_plugin.__file__, "win-overlay"]
    text = network if isinstance(network, str) else json.dumps(network)
    given = {key: value for key, value in {**CALL, **env}.items() if value is not None}
    done = subprocess.run(
        command, input=text, env={**os.environ, **given}, capture_output=True, text=True, timeout=10, check=False
    )
    assert done.stderr == ""
    return done.returncode, json.loads(done.stdout) if done.stdout else None


def test_versions_with_check_are_named():
    code, said = call("", CNI_COMMAND="VERSION")
    assert code == 0
    assert {"0.4.0", "1.0.0"} <= set(said["supportedVersions"])


@pytest.mark.parametrize("version", ["0.4.0", "1.0.0"])
def test_check_finds_nothing_wrong_with_a_container_that_is_not_there(version):
    assert call({**NETWORK, "cniVersion": version}) == (0, None)


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        ({"network": {**NETWORK, "cniVersion": "0.3.1"}}, 1, "config version does not allow CHECK"),
        ({"network": {**NETWORK, "cniVersion": "9.0.0"}}, 1, "incompatible CNI versions"),
        ({"network": "{"}, 6, "error unmarshall network config"),
        ({"network": {"cniVersion": "0.4.0"}}, 7, "missing network name"),
        ({"CNI_IFNAME": None, "CNI_PATH": None}, 4, "required env variables [CNI_IFNAME,CNI_PATH] missing"),
        ({"CNI_COMMAND": None}, 4, "CNI_COMMAND env variable missing"),
        ({"CNI_COMMAND": "ADD"}, 100, "the lab has no HNS"),
    ],
    ids=["old", "unknown", "no-json", "no-name", "environment", "no-command", "add"],
)
def test_what_the_specification_refuses_is_refused(change, code, words):
    status, said = call(**change)
    assert (status, said["code"]) == (1, code)
    assert words in said["msg"]
