"""A kubeconfig that cannot be used is one line with the file and the field."""

import os

import pytest
from fake_api import kubeconfig

from podwire.cluster.connect import connect, parse_external_host
from podwire.cluster.kubeconfig import default_path, read_kubeconfig
from podwire.errors import UsageError

GOOD = "https://cluster.example:6443"


def refusal(path, context=None):
    with pytest.raises(UsageError) as caught:
        connect(path, context)
    text = str(caught.value)
    assert caught.value.exit_code == 2
    assert "\n" not in text
    assert text.startswith(f"kubeconfig {path}")
    return text


def test_a_missing_file_and_a_folder(tmp_path):
    assert refusal(tmp_path / "none").endswith("cannot be read: No such file or directory")
    assert refusal(tmp_path).endswith("cannot be read: Is a directory")


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_may_not_be_read(tmp_path):
    path = kubeconfig(tmp_path / "k", GOOD)
    path.chmod(0)
    assert refusal(path).endswith("cannot be read: Permission denied")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", ": is empty"),
        (" \n\n", ": is empty"),
        ("a: [1\nb: 2\n", ": line 2, column 2: not valid YAML"),
        ("- a\n", ": needs a mapping, found a list"),
        ("apiVersion: v1\nkind: Config\n", "current-context is not set"),
        ("contexts: {a: 1}\n", ": contexts: needs a list, found a mapping"),
        ("\0", ": line 1: not valid YAML: "),
        ("current-context: [a]\n", ": current-context: needs text, found a list"),
        ("current-context: {a: b}\n", ": current-context: needs text, found a mapping"),
        ("contexts: [x]\n", ": contexts entry 1: needs a mapping, found 'x'"),
        ("contexts: [{name: [a]}]\n", ": contexts entry 1, name: needs text, found a list"),
        ("contexts: [{name: a, context: {cluster: [c]}}]\n", ": contexts a, context, cluster: needs text"),
        ("users: [{name: u, user: {token: 4711}}]\n", ": users u, user, token: needs text (in quotes, if it looks"),
        ("users: [{name: u, user: {exec: [aws]}}]\n", ": users u, user, exec: needs a mapping, found a list"),
        ("a: &a [x]\nb: {<<: *a}\n", ": line 2, column 5: merge keys (<<) are not supported"),
    ],
)
def test_a_file_that_is_no_kubeconfig(tmp_path, text, said):
    path = tmp_path / "k"
    path.write_text(text)
    assert said in refusal(path)


def test_bytes_that_are_no_text(tmp_path):
    (tmp_path / "k").write_bytes(b"\xff\xfe\x00k")
    assert refusal(tmp_path / "k").endswith("line 1: not UTF-8 text")


def test_an_unknown_context_is_answered_with_those_that_exist(tmp_path):
    text = refusal(kubeconfig(tmp_path / "k", GOOD), "prod")
    assert text.endswith("no context 'prod'; this file has test")


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("cluster: c", "cluster: gone", "names the cluster 'gone', which is not in this file"),
        ("user: u", "user: nobody", "names the user 'nobody', who is not in this file"),
        (GOOD, "cluster.example:6443", "is not an http(s) URL"),
        ("token: t", "client-certificate-data: '***'", "user 'u': client-certificate-data is not base64"),
        ("token: t", "client-key: none.pem", "user 'u': client-key: no file none.pem"),
    ],
)
def test_a_field_that_leads_nowhere(tmp_path, before, after, said):
    path = kubeconfig(tmp_path / "k", GOOD)
    path.write_text(path.read_text().replace(before, after))
    assert said in refusal(path)


def test_the_chosen_context_is_read(tmp_path):
    read = read_kubeconfig(kubeconfig(tmp_path / "k", GOOD))
    assert (read.context, read.server, read.user) == ("test", GOOD, "u")


def test_without_an_option_it_is_kubectls_file(monkeypatch):
    monkeypatch.setenv("KUBECONFIG", f"/a/b{os.pathsep}/c")
    assert str(default_path()) == "/a/b"


def test_in_cluster_is_taken_only_when_asked_and_only_in_a_pod(monkeypatch):
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    with pytest.raises(UsageError, match="--kubeconfig in-cluster: this process does not run in a pod"):
        connect("in-cluster")


@pytest.mark.parametrize(
    ("text", "name", "addresses"),
    [
        ("echo.example", "echo.example", ()),
        ("echo.example.=203.0.113.10", "echo.example", ("203.0.113.10",)),
        ("echo.example=203.0.113.10,2001:DB8::a", "echo.example", ("203.0.113.10", "2001:db8::a")),
        ("203.0.113.10", "", ("203.0.113.10",)),
    ],
)
def test_an_external_host(text, name, addresses):
    host = parse_external_host(text)
    assert (host.name, host.addresses) == (name, addresses)


@pytest.mark.parametrize("text", ["", "a b", "a=", "a=1.2.3", "a=192.0.2.1,192.0.2.2", "-a=192.0.2.1", "=192.0.2.1"])
def test_an_external_host_that_is_none(text):
    with pytest.raises(UsageError, match="--external-host"):
        parse_external_host(text)


def test_no_secret_gets_into_a_message(tmp_path):
    path = kubeconfig(tmp_path / "k", GOOD)
    for field in ("token", "password", "client-key-data"):
        path.write_text(f"users: [{{name: u, user: {{{field}: 8675309}}}}]\n")
        assert "8675309" not in refusal(path)


def test_of_many_contexts_the_first_are_named(tmp_path):
    path = tmp_path / "k"
    path.write_text("contexts:\n" + "".join(f"  - {{name: c{at:02}, context: {{}}}}\n" for at in range(30)))
    assert refusal(path, "prod").endswith("c18, c19 and 10 more")
