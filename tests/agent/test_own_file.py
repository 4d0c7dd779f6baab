"""The SHA-256 by which an agent tells its own file, with whatever module a Python has for it."""

import hashlib
import sys

import pytest

from podwire.agent import own_file
from podwire.agent.own_file import SHA256_MODULES, own_digest, sha256


def available(name):
    try:
        __import__(name)
    except ImportError:
        return False
    return True


@pytest.mark.parametrize("module", [name for name in SHA256_MODULES if available(name)])
def test_each_module_gives_the_same_digest(module, monkeypatch):
    monkeypatch.setattr(own_file, "SHA256_MODULES", (module,))
    for data in (b"", b"abc", bytes(range(256)) * 1000):
        assert sha256(data) == hashlib.sha256(data).hexdigest()


def test_a_python_without_the_c_modules_takes_hashlib(monkeypatch):
    for name in SHA256_MODULES[:-1]:
        monkeypatch.setitem(sys.modules, name, None)
    assert sha256(b"abc") == hashlib.sha256(b"abc").hexdigest()


def test_the_digest_is_that_of_the_file_the_process_was_started_from(tmp_path, monkeypatch):
    file = tmp_path / "agent.pyz"
    file.write_bytes(b"an agent")
    monkeypatch.setattr(sys, "argv", [str(file), "rpc"])
    assert own_digest() == f"sha256:{hashlib.sha256(b'an agent').hexdigest()}"


def test_one_changed_byte_is_another_digest(tmp_path, monkeypatch):
    file = tmp_path / "agent.pyz"
    monkeypatch.setattr(sys, "argv", [str(file)])
    file.write_bytes(b"an agent")
    before = own_digest()
    file.write_bytes(b"an Agent")
    assert own_digest() != before


def test_an_agent_that_is_no_file_tells_none(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["-c"])
    assert own_digest() == ""
