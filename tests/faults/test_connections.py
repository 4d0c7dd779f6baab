"""The way to an API server may misbehave: a request and a stream both give it up within their bound, in one line."""

import re
import socket
import threading

import pytest
from connection_faults import CONNECTION_FAULTS, NAME, PROXY, TLS, WHOLE, faulty_way
from fake_api import kubeconfig

from podwire.cluster.connect import connect
from podwire.cluster.credentials import configuration_of
from podwire.cluster.dialing import dial
from podwire.cluster.exec import handshake
from podwire.cluster.exec.channel import ExecChannel
from podwire.cluster.kubeconfig import read_kubeconfig
from podwire.cluster.transport import Patience
from podwire.errors import ClusterError

QUICK = Patience(connect=1.0, answer=1.0, total=0.3, whole=1.5)
AGES = 600.0
SLOW = Patience(connect=AGES, answer=AGES, total=0.3, whole=1.5)
"""Python bounds a whole TLS handshake by the time of one read. With ages for a read, only the bound of the whole can
end what goes on byte by byte."""
BOUND = 30.0
"""Far more than any of it may take: who is not back by then hangs."""
SECRET = "passw0rd-of-a-proxy"


@pytest.fixture
def silent_resolver(monkeypatch):
    ended = threading.Event()
    real = socket.getaddrinfo

    def ask(host, *given, **named):
        if host == "api.example":
            ended.wait(60)
        return real(host, *given, **named)

    monkeypatch.setattr(socket, "getaddrinfo", ask)
    yield
    ended.set()


@pytest.fixture
def ages_for_a_read(monkeypatch):
    monkeypatch.setattr(handshake, "dial", lambda host, port, seconds: dial(host, port, AGES))


def config(tmp_path, fault, port):
    more = {"proxy-url": f"http://me:{SECRET}@127.0.0.1:{port}"} if fault.where == PROXY else {}
    server = f"https://127.0.0.1:{port}" if fault.where == TLS else "https://api.example"
    return kubeconfig(tmp_path / "k", server, **more)


def asks(file, patience):
    connect(file, patience=patience)


def opens(file, patience):
    ExecChannel(configuration_of(read_kubeconfig(file)), "ns", "pod", "probe", ["python"], timeout=1.5)


@pytest.mark.parametrize("use", [asks, opens])
@pytest.mark.parametrize("fault", CONNECTION_FAULTS, ids=lambda one: one.name)
def test_what_the_way_to_a_server_may_do(fault, use, tmp_path, request):
    if fault.where == NAME:
        request.getfixturevalue("silent_resolver")
    if fault.says == WHOLE:
        request.getfixturevalue("ages_for_a_read")
    problems = []

    def run():
        try:
            use(config(tmp_path, fault, port), SLOW if fault.says == WHOLE else QUICK)
        except ClusterError as error:
            problems.append(error)

    with faulty_way(fault) as port:
        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        thread.join(BOUND)
        assert not thread.is_alive(), "it hangs"
    (problem,) = problems
    assert problem.exit_code == 3
    assert "\n" not in str(problem)
    assert SECRET not in str(problem)
    assert re.search(fault.says, str(problem)), str(problem)


def test_an_address_that_takes_no_connection_leaves_time_for_the_next(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.create_server(("127.0.0.2", 0), backlog=0) as full:
        waiting = [socket.socket() for _ in range(3)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(full.getsockname())
        several = [(socket.AF_INET, socket.SOCK_STREAM, 0, "", full.getsockname())]
        several += [(socket.AF_INET, socket.SOCK_STREAM, 0, "", listener.getsockname())]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: several)
        with dial("api.example", 443, 2.0) as sock:
            assert sock.getpeername() == listener.getsockname()
        for one in waiting:
            one.close()
