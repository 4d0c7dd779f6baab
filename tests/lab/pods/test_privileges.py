"""What containers of the lab may do: their user, their capabilities, their root."""

import pytest
from runninglab import Api, ready, start_lab, state

SLEEP = ("python", "-c", "import signal; signal.pause()")
NOBODY = {"runAsUser": 65534, "runAsGroup": 65534, "runAsNonRoot": True}
CAPTURE = ("python", "-c", "import socket; socket.socket(socket.AF_PACKET, socket.SOCK_RAW)")


@pytest.fixture(scope="module")
def api():
    with start_lab("overlay-flannel-vxlan") as lab:
        yield Api(lab)


def test_a_root_that_is_read_only_leaves_volumes_and_shared_memory(api):
    mounts = [{"name": "v", "mountPath": "/scratch"}]
    container = {"securityContext": {"readOnlyRootFilesystem": True}, "volumeMounts": mounts}
    api.run("read-only", *SLEEP, nodeName="linux-1", container=container, volumes=[{"name": "v", "emptyDir": {}}])
    api.wait("read-only", ready)
    for place in ("/x", "/tmp/x", "/etc/x", "/var/x", "/run/x"):
        code, words = api.exec("read-only", "sh", "-c", f"echo 1 > {place}")
        assert (code, "Read-only file system" in words) == (2, True), (place, words)
    assert api.exec("read-only", "sh", "-c", "echo 1 > /scratch/x && echo 1 > /dev/shm/x && echo 1 > /dev/null")[0] == 0
    api.run("writes", "sh", "-c", "echo 1 > /tmp/x && exec sleep 100", nodeName="linux-1")
    api.wait("writes", ready)


@pytest.mark.parametrize("of", ["pod", "container"])
def test_a_user_other_than_root_has_no_capability_though_it_is_given_one(api, of):
    more = {"container": {"securityContext": {"capabilities": {"add": ["NET_RAW"]}}}}
    if of == "pod":
        more["securityContext"] = NOBODY
    else:
        more["container"]["securityContext"] |= NOBODY
    name = f"nobody-of-{of}"
    api.run(name, *SLEEP, nodeName="linux-1", **more)
    api.wait(name, ready)
    assert api.exec(name, "sh", "-c", "id -u; id -g") == (0, "65534\n65534\n")
    # No ambient capabilities: what is added stays in the bounding set (kubernetes/enhancements 2763).
    assert "PermissionError" in api.exec(name, *CAPTURE)[1]
    assert api.exec(name, "sh", "-c", "grep CapEff /proc/self/status")[1].split() == ["CapEff:", "0" * 16]


@pytest.mark.parametrize(
    ("context", "words"),
    [
        ({"runAsNonRoot": True}, "container has runAsNonRoot and image will run as root"),
        ({"runAsNonRoot": True, "runAsUser": 0}, "container's runAsUser breaks non-root policy"),
    ],
)
def test_root_is_not_started_where_it_must_not_be(api, context, words):
    name = f"not-root-{len(context)}"
    api.run(name, *SLEEP, nodeName="linux-1", container={"securityContext": context})
    pod = api.wait(name, lambda pod: state(pod)[1].get("reason") == "CreateContainerConfigError")
    assert words in state(pod)[1]["message"]
