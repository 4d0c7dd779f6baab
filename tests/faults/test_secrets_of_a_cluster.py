"""What an API server, a kubeconfig and an exec plugin tell passes the net below every command."""

import json
import sys
from urllib.parse import quote

import pytest
from api_objects import node
from fake_api import FakeCluster, kubeconfig, serving, status

from podwire import redaction
from podwire.cli import main as cli

TOKEN = "token-that-a-plugin-gave-4711"
PREFIX = "proxied/clusters/c-8f3a77"
JWT = "eyJhbGciOiJSUzI1NiIsImtpZCI6IiJ9.eyJpc3MiOiJrdWJlcm5ldGVzIn0.c2lnbmF0dXJl"
KEY = "MHcCAQEEIBkg4LVWM9nuwNSk3yByxZpYRTBnVJkpsTwAoGCCqGSM49"
PLANTED = (TOKEN, PREFIX, JWT, KEY)
CREDENTIAL = {
    "apiVersion": "client.authentication.k8s.io/v1",
    "kind": "ExecCredential",
    "status": {"token": TOKEN},
}
PLUGIN = (
    f"import sys; sys.stderr.write({(JWT + TOKEN)!r}); print({json.dumps(CREDENTIAL)!r}); sys.exit(int(sys.argv[1]))"
)


@pytest.fixture(autouse=True)
def known(monkeypatch):
    monkeypatch.setattr(redaction, "_secrets", ())


def answers(cluster, refusing):
    def answer(method, path, query, body):
        plain = path.removeprefix(f"/{PREFIX}")
        if refusing and "nodes" in plain:
            return status(403, "Forbidden", f'User "u" cannot list resource "nodes" with {TOKEN}, {JWT}, at {path}')
        return cluster.answer(method, plain, query, body)

    return answer


def told(words, tmp_path, capfd, *, refusing=False, code=0):
    """What a command says about a cluster that has secrets in its names, labels and images."""
    evil = node(TOKEN)
    evil["metadata"]["annotations"] = {"flannel.alpha.coreos.com/backend-type": f"{JWT} {KEY}"}
    evil["status"]["nodeInfo"]["osImage"] = f"Debian at https://me:{KEY}@host/ {JWT}"
    lost = {"metadata": {"name": f"podwire-{TOKEN}", "labels": {"app.kubernetes.io/managed-by": "podwire"}}}
    cluster = FakeCluster((node("l1"), evil))
    cluster.objects["namespaces", None, lost["metadata"]["name"]] = lost
    plugin = {"command": sys.executable, "args": ["-c", PLUGIN, str(code)], "apiVersion": CREDENTIAL["apiVersion"]}
    with serving(answers(cluster, refusing)) as server:
        file = kubeconfig(tmp_path / "k", f"{server}/{PREFIX}", user={"exec": plugin, "password": KEY})
        ended = cli.main([*words, "--kubeconfig", str(file)])
    said = capfd.readouterr()
    assert said.out + said.err
    return ended, said.out + said.err


@pytest.mark.parametrize(
    "words", [["facts"], ["plan"], ["plan", "--area", "dns"], ["cleanup", "--dry-run"]], ids=" ".join
)
@pytest.mark.parametrize("trouble", [{}, {"refusing": True}, {"code": 3}], ids=["well", "refused", "no-login"])
def test_no_command_tells_a_secret_of_its_cluster(words, trouble, tmp_path, capfd):
    _, said = told(words, tmp_path, capfd, **trouble)
    assert [secret for secret in PLANTED if secret in said or quote(secret, safe="") in said] == []


def test_the_search_finds_them_where_nothing_is_redacted(tmp_path, capfd, monkeypatch):
    for module in [one for name, one in sys.modules.items() if name.startswith("podwire")]:
        if hasattr(module, "redacted"):
            monkeypatch.setattr(module, "redacted", lambda text: text)
    monkeypatch.setattr(redaction.Pieces, "add", lambda self, text: text)
    _, said = told(["facts"], tmp_path, capfd)
    assert TOKEN in said
    _, said = told(["facts"], tmp_path, capfd, refusing=True)
    assert TOKEN in said
    assert JWT in said
    ended, said = told(["facts"], tmp_path, capfd, code=3)
    assert ended == 3
    assert TOKEN in said
