"""Pods on the lab's nodes: they run, end, fail and are watched as on real ones."""

import pytest
from runninglab import Api, phase, ready, start_lab, state, until

SLEEP = (
    "python",
    "-c",
    "import signal, sys; signal.signal(15, lambda *_: sys.exit()); print('up', flush=True); signal.pause()",
)


@pytest.fixture(scope="module")
def api():
    with start_lab("overlay-win-overlay") as lab:
        yield Api(lab)


def test_a_pod_runs_with_addresses_of_both_families_and_its_logs(api):
    api("POST", "/api/v1/namespaces/default/configmaps", {"metadata": {"name": "code"}, "data": {"a.py": "print(6*7)"}})
    env = [
        {"name": "IPS", "valueFrom": {"fieldRef": {"fieldPath": "status.podIPs"}}},
        {"name": "NODE", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}},
        {"name": "BOTH", "value": "$(NODE)/$(UNKNOWN)"},
    ]
    container = {"env": env, "volumeMounts": [{"name": "v", "mountPath": "/code", "readOnly": True}]}
    script = "python -I -S /code/a.py; echo $BOTH $IPS; cat /etc/resolv.conf; exec sleep 100"
    api.run(
        "runs",
        "sh",
        "-c",
        script,
        nodeName="linux-1",
        container=container,
        volumes=[{"name": "v", "configMap": {"name": "code"}}],
    )
    pod = api.wait("runs", ready)
    ips = [each["ip"] for each in pod["status"]["podIPs"]]
    assert [":" in ip for ip in ips] == [False, True]
    assert pod["status"]["hostIPs"] == [{"ip": "172.31.0.1"}, {"ip": "fd31::1"}]
    status = pod["status"]["containerStatuses"][0]
    assert status["image"] == "docker.io/library/python:3.12"
    assert status["volumeMounts"] == [
        {"name": "v", "mountPath": "/code", "readOnly": True, "recursiveReadOnly": "Disabled"}
    ]
    log = until(lambda: (text := api.text("/api/v1/namespaces/default/pods/runs/log")).count("\n") >= 5 and text)
    assert log.splitlines()[:2] == ["42", f"linux-1/$(UNKNOWN) {','.join(ips)}"]
    assert "search default.svc.cluster.local svc.cluster.local cluster.local" in log


def test_the_last_words_of_a_container_are_in_its_log(api):
    many = [
        {"name": f"c{n}", "image": "python:3.12", "command": ["sh", "-c", f"echo bye {n}; exit 1"]} for n in range(9)
    ]
    api.run("says-bye", "sh", "-c", "echo bye; exit 1", containers=many)
    api.wait("says-bye", lambda pod: pod["status"]["phase"] == "Failed")
    logs = [api.text(f"/api/v1/namespaces/default/pods/says-bye/log?container=c{n}") for n in range(9)]
    assert logs == [f"bye {n}\n" for n in range(9)]


@pytest.mark.parametrize(
    ("name", "command", "code", "reason"),
    [
        ("ends-well", ["true"], 0, "Completed"),
        ("ends-badly", ["sh", "-c", "exit 3"], 3, "Error"),
        ("killed", ["python", "-c", "import os; os.fork() or os.kill(os.getpid(), 11); os.wait()"], 0, "Completed"),
        ("no-such-command", ["/nonexistent"], 128, "StartError"),
    ],
    ids=["well", "badly", "child-killed", "cannot-start"],
)
def test_the_end_of_a_container_is_told(api, name, command, code, reason):
    api.run(name, *command, nodeName="linux-2")
    pod = api.wait(name, phase("Succeeded", "Failed"))
    kind, ended = state(pod)
    assert kind == "terminated"
    assert (ended["exitCode"], ended["reason"]) == (code, reason)
    assert pod["status"]["phase"] == ("Succeeded" if code == 0 else "Failed")


@pytest.mark.parametrize(
    ("node", "image"),
    [
        ("linux-1", "local/none:1"),
        ("windows-1", "python:3.12-slim"),
        ("linux-1", "python:3.12-windowsservercore-ltsc2022"),
    ],
    ids=["unknown", "linux-on-windows", "windows-on-linux"],
)
def test_an_image_that_cannot_be_pulled_waits(api, node, image):
    name = f"image-{abs(hash((node, image)))}"
    api.run(name, "true", nodeName=node, container={"image": image})
    reasons = ("ErrImagePull", "ImagePullBackOff")
    pod = api.wait(name, lambda pod: state(pod)[1].get("reason") in reasons)
    assert pod["status"]["phase"] == "Pending"
    assert image.split(":")[0] in state(pod)[1]["message"]


def test_a_volume_whose_configmap_comes_later_is_waited_for(api):
    mount = {"volumeMounts": [{"name": "v", "mountPath": "/late"}]}
    api.run("late", *SLEEP, nodeName="linux-1", container=mount, volumes=[{"name": "v", "configMap": {"name": "late"}}])
    events = "/api/v1/namespaces/default/events?fieldSelector=involvedObject.name%3Dlate"
    until(lambda: any(e["reason"] == "FailedMount" for e in api("GET", events)["items"]))
    assert state(api.pod("late"))[1]["reason"] == "ContainerCreating"
    api("POST", "/api/v1/namespaces/default/configmaps", {"metadata": {"name": "late"}, "data": {"x": "1"}})
    api.wait("late", ready)


def test_a_container_that_fails_again_and_again_backs_off(api):
    api.run("crashes", "false", nodeName="linux-1", restartPolicy="Always")
    pod = api.wait("crashes", lambda pod: state(pod)[1].get("reason") == "CrashLoopBackOff")
    assert pod["status"]["phase"] == "Running"
    assert pod["status"]["containerStatuses"][0]["lastState"]["terminated"]["exitCode"] == 1


def test_a_deadline_ends_the_pod(api):
    api.run("deadline", *SLEEP, nodeName="linux-1", activeDeadlineSeconds=1)
    assert api.wait("deadline", phase("Failed"))["status"]["reason"] == "DeadlineExceeded"


def test_a_readiness_probe_decides(api):
    server = "import socket, os, time\nwhile not os.path.exists('/tmp/go'): time.sleep(.01)\n"
    server += "s = socket.create_server(('', 8080))\ntime.sleep(100)"
    probe = {"readinessProbe": {"tcpSocket": {"port": 8080}, "periodSeconds": 1}}
    api.run("probed", "python", "-c", server, nodeName="linux-1", container=probe)
    assert not ready(api.wait("probed", phase("Running")))
    assert api.exec("probed", "touch", "/tmp/go")[0] == 0
    api.wait("probed", ready)


def test_exec_ends_with_the_container_and_with_its_own_code(api):
    api.run("host", *SLEEP, nodeName="windows-1")
    api.wait("host", ready)
    assert api.exec("host", "sh", "-c", "echo out; exit 7") == (7, "out\ncommand terminated with exit code 7\n")
    code, words = api.exec("host", "nosuch")
    assert code != 0
    assert 'exec: "nosuch": executable file not found in $PATH' in words


def test_a_windows_pod_may_not_capture_but_may_ping(api):
    api.run("windows", *SLEEP, nodeName="windows-1")
    api.run("linux", *SLEEP, nodeName="linux-1")
    for name in ("windows", "linux"):
        api.wait(name, ready)
    capture = ("python", "-c", "import socket; socket.socket(socket.AF_PACKET, socket.SOCK_RAW)")
    assert "PermissionError" in api.exec("windows", *capture)[1]
    assert api.exec("linux", *capture) == (0, "")
    ping = "import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP)"
    assert api.exec("windows", "python", "-c", ping) == (0, "")


def test_a_host_process_container_finds_python_and_pktmon(api):
    options = {"windowsOptions": {"hostProcess": True, "runAsUserName": "NT AUTHORITY\\SYSTEM"}}
    python = "%CONTAINER_SANDBOX_MOUNT_POINT%/Python/python.exe"
    script = "import shutil, signal; print(shutil.which('pktmon'), flush=True); signal.pause()"
    api.run("hostprocess", python, "-c", script, nodeName="windows-2", hostNetwork=True, securityContext=options)
    pod = api.wait("hostprocess", ready)
    assert pod["status"]["podIP"] == "172.31.0.12"
    until(lambda: api.text("/api/v1/namespaces/default/pods/hostprocess/log") == "/.podwire/bin/pktmon\n")
    assert api.exec("hostprocess", python, "-c", "print(1)") == (0, "1\n")


def test_names_are_spelled_as_each_system_spells_them(api):
    service = {"metadata": {"name": "web"}, "spec": {"selector": {"app": "nobody"}, "ports": [{"port": 80}]}}
    address = api("POST", "/api/v1/namespaces/default/services", service)["spec"]["clusterIP"]
    for name, node in (("asks-linux", "linux-2"), ("asks-windows", "windows-2")):
        api.run(name, *SLEEP, nodeName=node)
        api.wait(name, ready)
    find = "import socket, sys; print(socket.gethostbyname(sys.argv[1]))"
    for pod, name, code in (
        ("asks-linux", "web", 0),
        ("asks-linux", "web.default", 0),
        ("asks-windows", "web", 0),
        ("asks-windows", "web.default", 1),
        ("asks-windows", "web.default.svc.cluster.local", 0),
    ):
        found = api.exec(pod, "python", "-c", find, name)
        assert found[0] == code, (pod, name, found)
        assert code or found[1] == f"{address}\n"
    assert api.exec("asks-windows", "python", "-c", find, "echo.outside.example") == (0, "203.0.113.10\n")


def test_a_host_process_container_captures_with_pktmon(api):
    options = {"windowsOptions": {"hostProcess": True, "runAsUserName": "NT AUTHORITY\\SYSTEM"}}
    api.run("captures", *SLEEP, nodeName="windows-2", hostNetwork=True, securityContext=options)
    api.wait("captures", ready)
    connect = "python -c 'import socket; socket.create_connection((\"203.0.113.10\", 80), 2)'"
    script = (
        f"pktmon start --capture --file-name f.etl && {connect} && pktmon stop && pktmon etl2pcap f.etl --out f.pcapng"
    )
    code, words = api.exec("captures", "sh", "-c", f"cd /tmp && {script} && head -c 4 f.pcapng | od -An -tx1")
    assert code == 0, words
    assert words.splitlines()[-1].split() == ["0a", "0d", "0d", "0a"]  # the section header block of pcapng


def test_deleting_a_pod_asks_first_and_then_kills(api):
    api.run("asks", *SLEEP, nodeName="linux-1", terminationGracePeriodSeconds=30)
    api.run("insists", "sleep", "100", nodeName="linux-1", terminationGracePeriodSeconds=1)
    for name in ("asks", "insists"):
        api.wait(name, ready)
    until(lambda: api.text("/api/v1/namespaces/default/pods/asks/log") == "up\n")
    for name in ("asks", "insists"):
        api("DELETE", f"/api/v1/namespaces/default/pods/{name}")
    for name in ("asks", "insists"):
        until(lambda name=name: not api.exists(f"/api/v1/namespaces/default/pods/{name}"), 5)


def test_the_root_of_a_container_cannot_change_the_host(api):
    api.run("guest", *SLEEP, nodeName="linux-1")
    api.wait("guest", ready)
    for target in ("/usr/x", "/proc/sys/kernel/panic"):
        code, words = api.exec("guest", "sh", "-c", f"echo 1 > {target}")
        assert code != 0
        assert "Read-only file system" in words
