"""Names through the system's resolver: what is told of one, and many of them at once."""

import socket

import pytest
from agent_for_tests import TOKEN, agent, changed_agent

from podwire.probing.client import AgentError, attempt_of

# A resolver that answers only when `AT_ONCE` ask it together: with one fewer in flight, every look-up runs out of time.
AT_ONCE = 300
GATE = f"""
import socket, threading
gate = threading.Barrier({AT_ONCE})
def ask(name, *_):
    gate.wait(20)
    if name.startswith("missing"):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    return [(2, 1, 6, "", ("192.0.2." + name, 0))]
socket.getaddrinfo = ask
"""

# What getaddrinfo gives for a name with an alias: an address for each socket type, the canonical name with the first.
ALIAS = """
import socket
def ask(name, port, family, kind, proto, flags):
    first = "server.example" if flags & socket.AI_CANONNAME else ""
    return [
        (10, 1, 6, first, ("2001:db8::7", 0, 0, 0)),
        (2, 1, 6, "", ("192.0.2.7", 0)),
        (2, 2, 17, "", ("192.0.2.7", 0)),
        (2, 1, 6, "", ("192.0.2.3", 0)),
    ]
socket.getaddrinfo = ask
"""


@pytest.fixture(scope="module")
def client():
    with agent() as one:
        yield one


def test_a_name_gives_an_attempt_without_a_reply(client):
    result = client.call("lookup", {"name": "localhost", "family": 4, "timeout": 5.0, "token": TOKEN}).result(10)
    attempt = attempt_of(result)
    assert (attempt.token, attempt.resolved) == (TOKEN, ("127.0.0.1",))
    assert (attempt.error, attempt.reply, attempt.local, attempt.peer) == (None, None, None, None)
    assert attempt.started > 0
    assert 0 < attempt.elapsed < 5


def test_a_name_that_there_is_not_ends_at_resolve():
    with agent(*changed_agent(GATE.replace(str(AT_ONCE), "1"), "rpc")) as client:
        attempt = attempt_of(client.call("lookup", {"name": "missing", "timeout": 5.0}).result(10))
    assert (attempt.error.stage, attempt.error.kind) == ("resolve", "not-found")
    assert attempt.resolved == ()


def test_addresses_keep_their_order_and_the_canonical_name_comes_when_it_is_asked_for():
    with agent(*changed_agent(ALIAS, "rpc")) as client:
        plain, canonical = (
            attempt_of(client.call("lookup", {"name": "alias", "timeout": 5.0, "canonical": wanted}).result(10))
            for wanted in (False, True)
        )
    assert plain.resolved == canonical.resolved == ("2001:db8::7", "192.0.2.7", "192.0.2.3")
    assert (plain.canonical, canonical.canonical) == ("", "server.example")


@pytest.mark.parametrize("way", ["calls", "a burst"])
def test_hundreds_are_in_flight_at_once(way):
    names = [f"missing-{n}" if n % 3 == 0 else str(n % 250) for n in range(AT_ONCE)]
    several = [{"name": name, "timeout": 30.0, "token": f"t{n}"} for n, name in enumerate(names)]
    with agent(*changed_agent(GATE, "rpc")) as client:
        if way == "calls":
            calls = [client.call("lookup", one, 40.0) for one in several]
            results = [call.result(40) for call in calls]
        else:
            results = client.call("lookups", {"lookups": several, "at_once": AT_ONCE}, 40.0).result(40)["attempts"]
    assert [result["token"] for result in results] == [f"t{n}" for n in range(AT_ONCE)]
    for name, result in zip(names, results, strict=True):
        if name.startswith("missing"):
            assert result["error"]["kind"] == "not-found"
        else:
            assert result["resolved"] == [f"192.0.2.{name}"]


def test_no_more_are_in_flight_than_asked_for():
    """Of nine look-ups, three at once, none finds a fourth beside it."""
    crowd = """
import socket, threading
inside, lock, gate = [], threading.Lock(), threading.Barrier(3)
def ask(name, *_):
    with lock:
        inside.append(name)
        many = len(inside)
    gate.wait(10)
    with lock:
        inside.remove(name)
    return [(2, 1, 6, "", ("192.0.2.%d" % many, 0))]
socket.getaddrinfo = ask
"""
    several = [{"name": str(n), "timeout": 20.0} for n in range(9)]
    with agent(*changed_agent(crowd, "rpc")) as client:
        attempts = client.call("lookups", {"lookups": several, "at_once": 3}, 30.0).result(30)["attempts"]
    assert {attempt["resolved"][0] for attempt in attempts} <= {"192.0.2.1", "192.0.2.2", "192.0.2.3"}


def test_after_enough_without_an_answer_the_rest_is_not_asked():
    deaf = """
import socket
asked = []
def ask(name, *_):
    asked.append(name)
    known = {"missing": socket.EAI_NONAME, "deaf": socket.EAI_AGAIN}.get(name)
    if known is None:
        return [(2, 1, 6, "", ("192.0.2.%d" % len(asked), 0))]
    raise socket.gaierror(known, name)
socket.getaddrinfo = ask
"""
    names = ["missing", "missing", "deaf", "missing", "deaf", "there", "there"]
    several = [{"name": name, "timeout": 20.0} for name in names]
    with agent(*changed_agent(deaf, "rpc")) as client:
        parameters = {"lookups": several, "at_once": 1, "give_up": 2}
        attempts = client.call("lookups", parameters, 30.0).result(30)["attempts"]
        assert client.call("lookup", several[-1]).result(10)["resolved"] == ["192.0.2.6"]
    kinds = [attempt["error"]["kind"] for attempt in attempts]
    assert kinds == ["not-found", "not-found", "other", "not-found", "other", "timeout", "timeout"]


@pytest.mark.parametrize(
    ("method", "params", "text"),
    [
        ("lookup", {"timeout": 1.0}, "lookup: parameter 'name' is missing"),
        ("lookups", {"lookups": []}, "lookups: parameter 'at_once' is missing"),
        ("lookups", {"lookups": [], "at_once": 0}, "lookups: parameter 'at_once': 0 is not 1 or more"),
        ("sequence", {"exchanges": [], "at_once": -1}, "sequence: parameter 'at_once': -1 is not 1 or more"),
    ],
)
def test_what_is_asked_wrongly_is_said_in_one_line(client, method, params, text):
    with pytest.raises(AgentError, match=text):
        client.call(method, params).result(10)


def test_nothing_to_look_up_is_no_error(client):
    assert client.call("lookups", {"lookups": [], "at_once": 5}).result(10) == {"attempts": []}


def test_the_time_for_a_name_is_not_taken_from_the_exchange():
    late = """
import socket, time
real = socket.getaddrinfo
def ask(name, *rest):
    time.sleep(1.0)
    return real("127.0.0.1", *rest)
socket.getaddrinfo = ask
"""
    with socket.create_server(("127.0.0.1", 0)) as server:
        where = {"host": "web", "port": server.getsockname()[1], "proto": "tcp", "family": 4, "resolve": True}
        with agent(*changed_agent(late, "rpc")) as client:
            asked = {**where, "token": "pw0", "timeout": 0.5}
            impatient = client.call("exchange", asked, 30.0).result(30)
            patient = client.call("exchange", {**asked, "look_up": 20.0}, 30.0).result(30)
    assert (impatient["error"]["stage"], impatient["error"]["kind"]) == ("resolve", "timeout")
    assert patient["resolved"] == ["127.0.0.1"]
    assert patient["error"]["stage"] != "resolve"
