"""An exec plugin that misbehaves costs its bound and no more: one line that names it, and no process is left."""

import json
import os
import re
import sys
from pathlib import Path

import pytest
from fake_api import kubeconfig, serving

from podwire import redaction
from podwire.cluster import credentials, exec_plugin
from podwire.cluster.connect import connect
from podwire.cluster.kubeconfig import read_kubeconfig
from podwire.errors import ClusterError
from podwire.redaction import REDACTED, redacted

VERSION = "client.authentication.k8s.io/v1"
CREDENTIAL = {"apiVersion": VERSION, "kind": "ExecCredential"}


@pytest.fixture(autouse=True)
def known(monkeypatch):
    monkeypatch.setattr(redaction, "_secrets", ())


def user(script, *arguments, **more):
    return {"exec": {"apiVersion": VERSION, "command": sys.executable, "args": ["-c", script, *arguments], **more}}


def gives(**status):
    return f"print({json.dumps({**CREDENTIAL, 'status': status})!r})"


def refusal(tmp_path, script, *arguments, **more):
    with (
        serving(lambda *_: (200, {"gitVersion": "v1.34.0"})) as server,
        pytest.raises(ClusterError) as caught,
    ):
        connect(kubeconfig(tmp_path / "k", server, user=user(script, *arguments, **more)))
    assert "\n" not in str(caught.value)
    return str(caught.value)


HANGS = """
import os, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
open(sys.argv[1], "w").write(f"{os.getpid()} {child.pid}")
print("open https://login.example/?token=abcdef123456", file=sys.stderr, flush=True)
time.sleep(600)
"""


def test_one_that_hangs_is_ended_with_what_it_has_started(tmp_path, monkeypatch):
    monkeypatch.setattr(exec_plugin, "SECONDS", 3.0)
    said = refusal(tmp_path, HANGS, str(tmp_path / "pids"))
    assert f"its exec plugin {sys.executable} did not end within 3 s and was stopped" in said
    assert "Run kubectl with this context once" in said
    for pid in map(int, (tmp_path / "pids").read_text().split()):
        assert not runs(pid)


def runs(pid):
    """Whether the process runs: one that has ended may wait for its parent."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in ("Z", "X")


@pytest.mark.parametrize(
    ("script", "says"),
    [
        ("exit(3)", r"ended with exit code 3$"),
        ("import sys; sys.exit('no login: Bearer abcdef123456')", r"exit code 1: no login: Bearer \[redacted\]$"),
        ("print('hello')", "printed no ExecCredential"),
        ("print('[' * 100_000)", "printed no ExecCredential"),
        ("print('x' * 3_000_000)", "printed more than 1 MiB"),
        (gives(), "gave neither a token nor a certificate"),
        (gives(clientCertificateData="x"), "gave neither a token nor a certificate"),
        (gives(token="t").replace("/v1", "/v9"), "printed a ExecCredential of .*/v9, and not"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "exit code -9"),
    ],
)
def test_one_that_gives_no_credentials(tmp_path, script, says):
    assert re.search(says, refusal(tmp_path, script))


def test_one_that_is_not_there(tmp_path):
    said = refusal(tmp_path, "", command="podwire-no-such-plugin")
    assert "its exec plugin podwire-no-such-plugin cannot be started: No such file" in said


def test_what_it_leaves_behind_holds_nobody_up(tmp_path, monkeypatch):
    monkeypatch.setattr(exec_plugin, "_GRACE", 0.2)
    script = "import subprocess, sys; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(20)'])\n"
    with serving(lambda *_: (200, {"gitVersion": "v1.34.0"})) as server:
        found = connect(kubeconfig(tmp_path / "k", server, user=user(script + gives(token="token-of-a-plugin"))))
    assert found.credentials.authorization() == "Bearer token-of-a-plugin"


COUNTS = """
import json, pathlib, sys
count = pathlib.Path(sys.argv[1])
number = int(count.read_text()) + 1 if count.exists() else 1
count.write_text(str(number))
status = {"token": f"token-number-{number}", "expirationTimestamp": "2020-01-01T00:00:00.123456789Z"}
print(json.dumps({"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": status}))
"""


def test_a_token_that_ends_is_renewed_and_told_nowhere(tmp_path, monkeypatch):
    with serving(lambda *_: (200, {"gitVersion": "v1.34.0"})) as server:
        found = connect(kubeconfig(tmp_path / "k", server, user=user(COUNTS, str(tmp_path / "count"))))
    # One that gives only tokens that have ended is not asked for each request.
    assert found.credentials.authorization() == "Bearer token-number-1"
    monkeypatch.setattr(credentials, "PAUSE", 0.0)
    assert found.credentials.authorization() == "Bearer token-number-2"
    assert redacted("token-number-1 token-number-2") == f"{REDACTED} {REDACTED}"
    # A login that fails leaves what there is; the server tells whether it is good enough.
    (tmp_path / "count").write_text("no number")
    assert found.credentials.authorization() == "Bearer token-number-2"


def test_a_certificate_and_its_key(tmp_path):
    key = "-----BEGIN EC PRIVATE KEY-----\nMHcCAQEEIBkg4LVWM9nuwNSk3yByxZpYRTBnVJk\n-----END EC PRIVATE KEY-----\n"
    status = {"clientCertificateData": "-----BEGIN CERTIFICATE-----\n", "clientKeyData": key}
    config = kubeconfig(tmp_path / "k", "https://192.0.2.1", user=user(gives(**status)))
    made = credentials.configuration_of(read_kubeconfig(config))
    assert Path(made.key_file).read_text() == key
    assert "MHcCAQEEIBkg4LVW" not in redacted(f"cannot read MHcCAQEEIBkg4LVWM9nuwNSk3yByxZpYRTBnVJk: {key}")
