"""Programs that people use: a fixed few of them, what they said, and nothing else that could be run."""

import os
import stat

import pytest
from agent_for_tests import agent

from podwire.agent.node.restarts import RESTARTS
from podwire.probing.client import AgentError

TELL = """#!/bin/sh
printf 'arguments:'; for one in "$@"; do printf ' <%s>' "$one"; done
printf '\\ncommand: %s\\nstdin: ' "$CNI_COMMAND"; cat
echo 'not well' >&2
exit 3
"""


@pytest.fixture
def place(tmp_path):
    """Puts a program there; gives its path."""

    def put(name, text=TELL):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return str(path)

    return put


@pytest.fixture
def client(tmp_path):
    """An agent that finds programs in the temporary folder first, and has its sandbox there."""
    path = f"{tmp_path}:{os.environ['PATH']}"
    with agent(env={**os.environ, "PATH": path, "CONTAINER_SANDBOX_MOUNT_POINT": str(tmp_path)}) as one:
        yield one


def run(client, name, **more):
    return client.call("tool", {"name": name, "timeout": 10.0, **more}, 20.0).result(25)


@pytest.mark.parametrize("name", ["nslookup", "ipconfig"])
def test_what_a_program_said_and_how_it_ended_is_told(client, place, name):
    place(name)
    result = run(
        client, name, arguments=["-type=A", "a b", "$HOME", "*"], stdin="line\n", environment={"CNI_COMMAND": 7}
    )
    assert result["stdout"] == "arguments: <-type=A> <a b> <$HOME> <*>\ncommand: 7\nstdin: line\n"
    assert (result["code"], result["stderr"]) == (3, "not well\n")
    assert 0 < result["elapsed"] < 10


@pytest.mark.parametrize(
    ("at", "name"),
    [
        ("opt/cni/bin/bridge", "{}/opt/cni/bin/bridge"),
        ("opt/cni/bin/win-bridge.exe", "%CONTAINER_SANDBOX_MOUNT_POINT%/opt/cni/bin/win-bridge.exe"),
        ("k/flannel.EXE", "%CONTAINER_SANDBOX_MOUNT_POINT%/./k//flannel.EXE"),
        # A program of that name on the path of a Linux node: its drive and slashes are Windows' business.
        ("C:\\opt\\cni\\bin\\win-overlay.exe", "C:\\opt\\cni\\bin\\win-overlay.exe"),
    ],
)
def test_a_plugin_is_run_by_its_absolute_path(client, place, tmp_path, at, name):
    place(at)
    result = run(client, name.format(tmp_path), environment={"CNI_COMMAND": "CHECK"}, stdin='{"cniVersion":"1.0.0"}')
    assert result["stdout"] == 'arguments:\ncommand: CHECK\nstdin: {"cniVersion":"1.0.0"}'


@pytest.mark.parametrize(
    "name",
    [
        *("sh", "/bin/sh", "nslookup.sh", "./nslookup", "/usr/bin/nslookup", "bridge", "bin/bridge", "../bridge"),
        *("/bin/sh/../bridges", "%MISSING%/bridge", "C:bridge.exe", "C:\\Windows\\System32\\cmd.exe", ""),
        *("powershell.exe", "powershell", "C:\\Windows\\System32\\WindowsPowerShell\\v1.0\\powershell.exe"),
    ],
)
def test_anything_else_is_refused_in_one_line(client, place, name):
    place("bridge")
    place("nslookup")
    with pytest.raises(
        AgentError, match="is neither nslookup nor ipconfig nor the absolute path of a known"
    ) as refused:
        run(client, name)
    assert refused.value.kind == ""
    assert len(str(refused.value).splitlines()) == 1


def test_the_networks_of_hns_are_listed_by_a_command_of_the_agents_own(client, place):
    place("powershell.exe")
    said = run(client, "hns-networks", arguments=["Stop-Computer"])["stdout"]
    assert said.startswith("arguments: <-NoProfile> <-NonInteractive> <-Command> <Get-HnsNetwork | ForEach-Object {")
    assert "Stop-Computer" not in said


def test_and_so_are_its_endpoints(client, place):
    place("powershell.exe")
    said = run(client, "hns-endpoints")["stdout"]
    assert "<$types = @{}; Get-HnsNetwork | ForEach-Object {" in said
    assert "IsRemoteEndpoint" in said


def test_a_list_may_be_long_and_is_never_cut(client, place):
    place("powershell.exe", "#!/bin/sh\nyes 0123456 | head -c 131072\n")
    assert len(run(client, "hns-load-balancers")["stdout"]) == 131072
    place("powershell.exe", "#!/bin/sh\nyes 0123456 | head -c 1048576\n")
    with pytest.raises(AgentError, match="hns-endpoints lists 1048576 bytes; the limit is 524288"):
        run(client, "hns-endpoints")


def test_and_what_windows_translates_and_the_ports_of_its_switch(client, place):
    place("powershell.exe")
    assert "[pscustomobject]@{ NetNat = @(Get-NetNat | " in run(client, "windows-nat")["stdout"]
    assert "[pscustomobject]@{ LoadBalancers = @(Get-HnsPolicyList | " in run(client, "hns-load-balancers")["stdout"]
    assert "<vfpctrl.exe /list-vmswitch-port | Where-Object {" in run(client, "vmswitch-ports")["stdout"]


@pytest.mark.parametrize("name", ["ipconfig", "/opt/none/win-bridge.exe", "/dev/null/bridge"])
def test_a_program_that_is_missing_is_not_found(client, name):
    with pytest.raises(AgentError, match=f"tool: {name} is missing on this node") as missing:
        run(client, name)
    assert missing.value.kind == "not-found"


def test_one_that_does_not_end_is_ended(client, place, tmp_path):
    place("nslookup", '#!/bin/sh\necho $$ > "${0%/*}/pid"\nexec tail -f /dev/null\n')
    with pytest.raises(AgentError, match=r"tool: nslookup did not end within 0.5 s") as late:
        run(client, "nslookup", timeout=0.5)
    assert late.value.kind == "timeout"
    assert not os.path.exists(f"/proc/{(tmp_path / 'pid').read_text().strip()}")


def test_one_that_cannot_be_run_is_told(client, place):
    os.chmod(place("nslookup", "no program"), 0o755)
    with pytest.raises(AgentError, match=r"tool: nslookup cannot be started: Exec format error"):
        run(client, "nslookup")


def test_what_it_says_is_cut_and_any_bytes_may_be_in_it(client, place):
    place("nslookup", "#!/bin/sh\nhead -c 200000 /dev/zero | tr '\\0' '\\377'\nhead -c 200000 /dev/zero >&2\n")
    result = run(client, "nslookup")
    assert result["stdout"] == "\ufffd" * 65536
    assert result["stderr"] == "\0" * 65536


def test_others_are_served_meanwhile(client, place, tmp_path):
    os.mkfifo(tmp_path / "gate")
    place("nslookup", "#!/bin/sh\ncat\n")
    place("ipconfig", '#!/bin/sh\nexec cat "${0%/*}/gate"\n')
    slow = client.call("tool", {"name": "ipconfig", "timeout": 10.0}, 20.0)
    assert run(client, "nslookup", stdin="quick")["stdout"] == "quick"
    assert not slow.done()
    (tmp_path / "gate").write_text("at last", encoding="ascii")
    assert slow.result(20)["stdout"] == "at last"


@pytest.mark.parametrize("name", sorted(RESTARTS))
def test_a_restart_is_a_command_of_the_agent_and_nothing_that_a_caller_says(client, place, name):
    place("powershell.exe")
    result = run(client, name, arguments=["; Remove-Item C:"])
    assert result["stdout"].startswith(f"arguments: <-NoProfile> <-NonInteractive> <-Command> <{RESTARTS[name]}>\n")


@pytest.mark.parametrize("name", [name for name in RESTARTS if name.startswith("restart-")])
def test_what_a_restart_stops_it_starts_again_whatever_happens(name):
    stop, start = RESTARTS[name].index("Restart-Service"), RESTARTS[name].index("finally {")
    assert stop < start < RESTARTS[name].index("Start-Service", start)
