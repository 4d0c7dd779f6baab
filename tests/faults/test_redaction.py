"""Secrets are told nowhere: those that are known, and what has the form of one."""

import io
import json
import logging
import os
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podwire import redaction
from podwire.errors import ApiError, ClusterError
from podwire.probing.calls import AgentError, ChannelLost
from podwire.records.files import write_atomically
from podwire.redaction import REDACTED, Pieces, keep_secret, keep_secret_variables, keep_url_secret, redacted
from podwire.running.standard_streams import guarded, net_below

SECRET = 'pa"ss/wörd-7'
LONG = "a-token-of-many-characters-that-is-cut-4711"
JWT = "eyJhbGciOiJSUzI1NiIsImtpZCI6IiJ9.eyJpc3MiOiJrdWJlcm5ldGVzIn0.c2lnbmF0dXJl"


@pytest.fixture(autouse=True)
def known(monkeypatch):
    monkeypatch.setattr(redaction, "_secrets", ())
    keep_secret(SECRET)
    keep_secret(LONG)


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


@pytest.mark.parametrize(
    "text", [LONG[:20], f"x {LONG[:-1]}", LONG[-20:], f"{LONG[1:]} y", f"{LONG[:18]}...{LONG[-17:]}", LONG * 2]
)
def test_a_long_secret_that_was_cut_is_one(text):
    shown = redacted(text)
    assert REDACTED in shown
    assert not any(LONG[at : at + 8] in shown for at in range(len(LONG) - 8))


def test_lines_of_a_key_and_its_base64_are_secrets():
    keep_secret("-----BEGIN EC PRIVATE KEY-----\nMHcCAQEEIBkg4LVWM9nuwNSk3yB\nyxZpYRTBnVJkpsTwAoGCCqGSM49\n-----END\n")
    assert redacted("at yxZpYRTBnVJkpsTwAoGCCqGSM49 is") == f"at {REDACTED} is"
    assert redacted("YS10b2tlbi1vZi1tYW55LWNoYXJhY3RlcnMtdGhhdC1pcy1jdXQtNDcxMQ==") == REDACTED


def test_variables_whose_name_says_that_they_are_secret():
    keep_secret_variables(
        {
            "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI",
            "GITHUB_TOKEN": "ghp_abcdef",
            "TOKEN_FILE": "/a/path/to/it",
            "A_PASSWORD": "/run/secrets/password",
            "PATH": "/usr/local/bin",
            "WITH_TOKEN": "enabled",
            "USES_SECRET": "inconclusive",
            "https_proxy": "http://user77:s3cr3t@proxy:3128/path",
        }
    )
    assert redacted("wJalrXUtnFEMI ghp_abcdef s3cr3t user77") == " ".join([REDACTED] * 4)
    kept = "enabled inconclusive /a/path/to/it /run/secrets/password /usr/local/bin proxy:3128/path"
    assert redacted(kept) == kept


PLANTED = (SECRET, LONG, JWT, "Bearer abcdef.123456", "https://me:s3cr3tpw@host/", "?token=abcdef123456&x")
HIDDEN = (SECRET, LONG, JWT, "abcdef.123456", "s3cr3tpw", "abcdef123456")


@given(
    parts=st.lists(st.one_of(st.sampled_from(PLANTED), st.text("ae:/?=.BbEk \n\t-", max_size=6)), max_size=8),
    cuts=st.lists(st.integers(0, 300), max_size=12),
)
def test_a_secret_in_several_pieces_is_found(parts, cuts):
    redaction._secrets = ()
    keep_secret(SECRET)
    keep_secret(LONG)
    text, pieces = " ".join(parts), Pieces()
    ends = sorted({min(cut, len(text)) for cut in cuts} | {len(text)})
    told = "".join(pieces.add(text[at:to]) for at, to in zip([0, *ends], ends, strict=False)) + pieces.rest()
    assert not [secret for secret in HIDDEN if secret in told]
    assert told == redacted(text)


def test_the_property_fails_where_pieces_are_looked_at_one_by_one(monkeypatch):
    monkeypatch.setattr(Pieces, "add", lambda self, piece: redacted(piece))
    with pytest.raises(BaseException) as caught:  # noqa: PT011 - whatever hypothesis makes of several failures
        test_a_secret_in_several_pieces_is_found()
    assert "secret for secret in" in str(caught.getrepr())


def test_progress_is_seen_as_it_is_made():
    below = io.StringIO()
    stream = guarded(below)
    for letter in "..F.x.I.":
        stream.write(letter)
        stream.flush()
        assert below.getvalue().endswith(letter)


def test_what_waits_is_told_at_the_end():
    below = io.StringIO()
    stream = guarded(below)
    stream.write("what now?")
    assert below.getvalue() == "what now"
    stream.finish()
    assert below.getvalue() == "what now?"
    stream.write(LONG[:-1])
    stream.finish()
    assert below.getvalue() == f"what now?{REDACTED}"


def test_bytes_pass_the_net_too():
    below = io.StringIO()
    stream = guarded(below)
    stream.buffer.write(f"{SECRET}\n".encode())
    stream.writelines([f"{LONG}\n"])
    assert below.getvalue() == f"{REDACTED}\n{REDACTED}\n"


def test_a_record_of_logging_has_none_whoever_handles_it():
    handled = []

    class Keeps(logging.Handler):
        def emit(self, record):
            handled.append((record.getMessage(), record.exc_text, record.args))

    logger, handler = logging.getLogger("urllib3.test"), Keeps()
    logger.addHandler(handler)
    with net_below():
        try:
            raise KeyError(SECRET)
        except KeyError:
            logger.exception("asked %s with %d", LONG, 1)
    logger.removeHandler(handler)
    ((message, trace, args),) = handled
    assert message == f"asked {REDACTED} with 1"
    assert REDACTED in trace
    assert SECRET not in trace
    assert args == ()


WRITES = re.compile(r"\.write_text\(|\.write_bytes\(|\.open\(\"[wax]|[^.\w]open\([^)]*\"[wax]b?\"")
WRITERS = {
    "records/files.py": "the one that all texts go through",
    "reporting/evidence.py": "bytes of `file_bytes`, and captures",
    "signoff/bundle.py": "unpacks a bundle as it was signed",
    "signoff/signatures.py": "a signature and its signers, for ssh-keygen",
    "cli/agent.py": "the agent's own file",
}


def test_every_file_is_written_in_one_place():
    source = Path(redaction.__file__).parent
    found = {
        str(file.relative_to(source))
        for file in source.rglob("*.py")
        if "agent" not in file.relative_to(source).parts[:1] and WRITES.search(file.read_text())
    }
    assert found == set(WRITERS)
