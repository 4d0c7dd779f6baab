"""Watches of API objects: they survive servers that forget, break off, refuse and go away."""

import json
import threading

import pytest
import urllib3
from fake_api import serving, status
from runninglab import until

from podwire.cluster import watches
from podwire.cluster.rest import RestClient
from podwire.cluster.transport import Patience, bounded
from podwire.cluster.watches import ObjectWatch, Watched

FIRST = {"limit": "500"}


def pod(name, version, **more):
    return {"metadata": {"name": name, "namespace": "n", "resourceVersion": version, **more}}


def lines(*events):
    return b"".join(json.dumps({"type": kind, "object": obj}).encode() + b"\n" for kind, obj in events)


class Server:
    """Answers lists and watches from two queues; when the queue of watches is empty a watch lasts until the end."""

    def __init__(self, lists, watches):
        self.lists, self.watches = list(lists), list(watches)
        self.queries, self.over = [], threading.Event()

    def __call__(self, method, path, query, body):
        if query.get("watch") != "true":
            found = self.lists.pop(0) if len(self.lists) > 1 else self.lists[0]
            return found if isinstance(found, tuple) else (200, found)
        self.queries.append(query)
        if not self.watches:
            self.over.wait(20)
            return 200, b""
        found = self.watches.pop(0)
        return found if isinstance(found, tuple) else (200, found)


def a_list(version, *pods, more=""):
    return {"metadata": {"resourceVersion": version, **({"continue": more} if more else {})}, "items": list(pods)}


@pytest.fixture
def watching():
    """Starts watches; `told` gets (kind, name) of every change."""
    opened = []

    def start(server, *, renew=lambda: False, **callbacks):
        context = serving(server)
        url = context.__enter__()
        patience = Patience(connect=1, answer=2, total=0.2, whole=3)
        rest = RestClient(url, bounded(urllib3.PoolManager()), patience=patience, renew=renew)
        told = []
        watch = ObjectWatch(
            rest,
            Watched(resource="pods", namespace="n", labels="a=b"),
            lambda kind, obj: told.append((kind, obj["metadata"]["name"])),
            **callbacks,
        )
        opened.append((context, watch, server))
        watch.start()
        return watch, told

    yield start
    for context, watch, server in opened:
        server.over.set()
        watch.close()
        context.__exit__(None, None, None)


def test_a_watch_tells_what_is_there_then_what_changes(watching):
    changes = lines(("ADDED", pod("b", "6")), ("MODIFIED", pod("a", "7")), ("DELETED", pod("b", "8")))
    bookmark = lines(("BOOKMARK", {"metadata": {"resourceVersion": "12"}}))
    server = Server([a_list("5", pod("a", "3"))], [changes, bookmark])
    watch, told = watching(server)
    assert watch.listed.wait(5)
    expected = [("ADDED", "a"), ("ADDED", "b"), ("MODIFIED", "a"), ("DELETED", "b")]
    until(lambda: len(server.queries) == 3, shown=lambda: told)
    assert told == expected
    assert [query["resourceVersion"] for query in server.queries] == ["5", "8", "12"]
    assert server.queries[0]["labelSelector"] == "a=b"
    assert server.queries[0]["allowWatchBookmarks"] == "true"


@pytest.mark.parametrize(
    "forgotten",
    [
        lines(("ERROR", {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old resource version"})),
        status(410, "Expired", "too old resource version"),
    ],
    ids=["in-the-stream", "as-the-answer"],
)
def test_a_watch_that_the_server_forgot_lists_again_and_tells_what_went_meanwhile(watching, forgotten):
    before = a_list("5", pod("a", "3"), pod("b", "4"), pod("c", "5"))
    after = a_list("90", pod("a", "3"), pod("c", "80"), pod("d", "81"))
    server = Server([before, after], [forgotten])
    _, told = watching(server)
    until(lambda: len(server.queries) == 2, shown=lambda: told)
    assert told[3:] == [("DELETED", "b"), ("MODIFIED", "c"), ("ADDED", "d")]
    assert server.queries[-1]["resourceVersion"] == "90"


def test_a_list_of_several_pages_is_told_whole_and_its_first_version_counts(watching):
    server = Server([a_list("5", pod("a", "3"), more="x"), a_list("7", pod("b", "4"))], [])
    _, told = watching(server)
    until(lambda: server.queries, shown=lambda: told)
    assert told == [("ADDED", "a"), ("ADDED", "b")]
    assert server.queries[0]["resourceVersion"] == "5"


def test_an_absence_of_the_server_is_told_once_with_its_end(watching):
    away, back = [], []
    unavailable = status(503, "ServiceUnavailable", "leader changed")
    server = Server([a_list("5", pod("a", "3"))], [unavailable, unavailable, lines(("MODIFIED", pod("a", "9")))])
    _, told = watching(server, on_away=away.append, on_back=back.append)
    until(lambda: ("MODIFIED", "a") in told, shown=lambda: (told, away))
    assert len(away) == len(back) == 1
    assert "leader changed" in away[0]


def test_garbage_breaks_one_request_and_not_the_watch(watching):
    server = Server([a_list("5", pod("a", "3"))], [b"<html>\n", b'{"type":"ADDED"}\n', lines(("ADDED", pod("b", "6")))])
    _, told = watching(server)
    until(lambda: ("ADDED", "b") in told, shown=lambda: told)
    assert told == [("ADDED", "a"), ("ADDED", "b")]


def test_a_watch_without_the_right_ends_and_says_so(watching):
    watch, told = watching(Server([status(403, "Forbidden", "pods is forbidden")], []))
    assert watch.listed.wait(5)
    until(lambda: watch.problem)
    assert "pods is forbidden" in watch.problem
    assert told == []


def test_a_server_that_ends_every_watch_at_once_is_not_asked_in_a_tight_loop(watching, monkeypatch):
    server = Server([a_list("5")], [b""] * 1000)
    pauses = []
    watch, _ = watching(server)
    wait = watch._closing.wait
    monkeypatch.setattr(watch._closing, "wait", lambda seconds=None: pauses.append(seconds) or wait(0.001))
    until(lambda: len(pauses) > 8)
    assert max(pauses) == watches.LONGEST_PAUSE
    assert min(pauses) >= watches.SHORTEST_PAUSE


def test_a_server_that_forgets_at_once_is_not_asked_in_a_tight_loop(watching, monkeypatch):
    server = Server([a_list("5")], [status(410, "Expired", "too old resource version")] * 1000)
    pauses = []
    watch, _ = watching(server)
    wait = watch._closing.wait
    monkeypatch.setattr(watch._closing, "wait", lambda seconds=None: pauses.append(seconds) or wait(0.001))
    until(lambda: len(pauses) > 8)
    assert max(pauses) == watches.LONGEST_PAUSE


def test_an_expired_token_is_renewed(watching):
    unauthorized = status(401, "Unauthorized", "Unauthorized")
    server = Server([a_list("5", pod("a", "3"))], [unauthorized, lines(("ADDED", pod("b", "6")))])
    renewals, refused = [], []
    _, told = watching(server, renew=lambda: renewals.append(1) or True, on_refused=refused.append)
    until(lambda: ("ADDED", "b") in told, shown=lambda: told)
    assert renewals == [1]
    assert refused == []


def test_a_watch_that_is_refused_later_says_so_once_and_goes_on_when_it_may_again(watching):
    refusal = status(403, "Forbidden", "pods is forbidden")
    server = Server([a_list("5", pod("a", "3"))], [refusal, refusal, refusal, lines(("ADDED", pod("b", "6")))])
    refused, away = [], []
    watch, told = watching(server, on_refused=refused.append, on_away=away.append)
    until(lambda: ("ADDED", "b") in told, shown=lambda: told)
    assert len(refused) == 1
    assert "pods is forbidden" in refused[0]
    assert watch.problem == ""
    assert away == []


def test_close_ends_a_watch_that_waits(watching):
    server = Server([a_list("5")], [])
    watch, _ = watching(server)
    until(lambda: server.queries)
    watch.close()
    assert not watch._thread.is_alive()
