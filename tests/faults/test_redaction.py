"""Secrets are told nowhere: those that are known, and what has the form of one."""

import json
import os

import pytest

from podwire import redaction
from podwire.errors import ApiError, ClusterError
from podwire.probing.calls import AgentError, ChannelLost
from podwire.records.files import write_atomically
from podwire.redaction import REDACTED, keep_secret, keep_url_secret, redacted

SECRET = 'pa"ss/wörd-7'
JWT = "eyJhbGciOiJSUzI1NiIsImtpZCI6IiJ9.eyJpc3MiOiJrdWJlcm5ldGVzIn0.c2lnbmF0dXJl"


@pytest.fixture(autouse=True)
def known(monkeypatch):
    monkeypatch.setattr(redaction, "_secrets", ())
    keep_secret(SECRET)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"token {SECRET}.", f"token {REDACTED}."),
        (json.dumps({"a": SECRET}), json.dumps({"a": REDACTED})),
        ("GET /x?a=pa%22ss%2Fw%C3%B6rd-7", f"GET /x?a={REDACTED}"),
        (f"Authorization: Bearer {JWT}", f"Authorization: Bearer {REDACTED}"),
        ("bearer k8s-aws-v1.aHR0cHM6Ly9zdHM", f"bearer {REDACTED}"),
        (f"it said {JWT}, and more", f"it said {REDACTED}, and more"),
        ("proxy http://me:pw@proxy:3128/ refuses", f"proxy http://{REDACTED}@proxy:3128/ refuses"),
        ("wss://h/api?token=abc&x=1", f"wss://h/api?token={REDACTED}&x=1"),
        ('"Authorization: Basic bWU6cHc="', f'"Authorization: Basic {REDACTED}"'),
        (
            "key -----BEGIN EC PRIVATE KEY-----\nMHcCAQEE\n-----END EC PRIVATE KEY-----, end",
            f"key {REDACTED}, end",
        ),
        ('{"key": "-----BEGIN PRIVATE KEY-----\\nMHcC"}', f'{{"key": "{REDACTED}"}}'),
    ],
)
def test_a_secret_is_replaced(text, shown):
    assert redacted(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "a bearer of news, basic connectivity",
        "https://192.0.2.1:6443: 401 Unauthorized",
        "svc a?b=c answered 10.0.0.1:80 over TCP",
        "the token is missing, wrong or expired",
        "pod podwire-1/linux-1-a ssh me@host",
    ],
)
def test_all_else_stays_as_it_is(text):
    assert redacted(text) == text


def test_short_values_are_no_secrets():
    keep_secret("a")
    keep_secret("")
    assert redacted("a pod") == "a pod"


def test_the_url_of_a_server_may_lead_through_others():
    keep_url_secret("https://user7:passw0rd@host:443/k8s/clusters/c-abc123?x=1")
    assert redacted("at /k8s/clusters/c-abc123/api by passw0rd") == f"at /{REDACTED}/api by {REDACTED}"
    keep_url_secret("http://[broken")


@pytest.mark.parametrize("kind", [ClusterError, ApiError, AgentError, ChannelLost])
def test_no_error_tells_one(kind):
    assert str(kind(f"no: {SECRET}")) == f"no: {REDACTED}"
    assert ApiError("", message=SECRET).message == REDACTED


def test_no_file_of_a_run_has_one(tmp_path):
    write_atomically(tmp_path / "run.json", json.dumps({"a": SECRET, "b": f"Bearer {JWT}"}))
    assert json.loads((tmp_path / "run.json").read_text()) == {"a": REDACTED, "b": f"Bearer {REDACTED}"}


def test_the_umask_says_who_may_read_the_files_of_a_run(tmp_path):
    before = os.umask(0o077)
    try:
        write_atomically(tmp_path / "run.json", "{}")
    finally:
        os.umask(before)
    assert (tmp_path / "run.json").stat().st_mode & 0o777 == 0o600
