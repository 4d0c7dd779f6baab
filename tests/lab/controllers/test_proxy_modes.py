"""kube-proxy of a node tells its mode at the loopback, and nothing else."""

import pytest

from podwire_lab.controllers.proxy_modes import MODES, told


@pytest.mark.parametrize("mode", MODES.values())
def test_the_mode_is_the_whole_answer(mode):
    head, _, body = told(mode, b"GET /proxyMode HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n").partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert body == mode.encode()


@pytest.mark.parametrize("request_line", [b"GET /configz HTTP/1.1", b"GET / HTTP/1.1", b"nonsense", b""])
def test_it_answers_nothing_else(request_line):
    assert told("nftables", request_line + b"\r\n\r\n").startswith(b"HTTP/1.1 404 ")
