"""Whatever is changed in the observations of a run: refused, or nothing that the record says rests on it.

Who changes an observation, and makes hash, count and seal again, is found out by the verdicts: they must come out of
the changed observations as the record has them. What no verdict of the case reads can be changed then; `UNREAD` says
what that is.
"""

import gzip
import hashlib
import json

import pytest
from changed import replace
from changed_runs import at, edited, leaves, other, refusals
from observed import a_packet, an_attempt, an_observation
from suites_of_a_day import TEST

from podwire.gating.runs import load_run

FILE = "observations.jsonl.gz"
UNREAD_OF_A_PACKET = {"at", "eth_src", "eth_dst", "sport", "flags", "payload", "length", "interface"}
"""Columns of a packet that the expectation of these runs does not name."""
UNREAD = {
    # The case as it was planned: the case of today is judged, and flow, client, server and entry are compared with it.
    "case.area",
    "case.requirement",
    "case.test",
    # Values of symbols that the expectation does not hold.
    "observation.bindings",
    # The reply tells who answered; what the client's socket says beside it is for people.
    "observation.attempts.token",
    "observation.attempts.local",
    "observation.attempts.peer",
    "observation.attempts.reply",
    # Of a case whose every exchange was answered no control is asked.
    "observation.controls",
    # A column that no packet has a value in.
    "columns",
    # A capture point that the expectation does not look at.
    "captures.server-pod",
}
READ_OF_THEM = {"observation.attempts.reply.identity", "observation.bindings.server.ip"}
READS_MUCH = TEST.replace(
    "seen(dst=flow.server.ip)",
    "seen(src=flow.client.ip, dst=flow.server.ip, dport=flow.server.port, ttl=127, fragment=False)",
)


def seen(attempt):
    found = an_observation(attempt, [a_packet(length=60)])
    captures = {point: one for point, one in found.captures.items() if point in ("client-pod", "server-pod")}
    return replace(found, captures=captures)


@pytest.fixture
def passing(run):
    """A run of four cases that pass, and whose expectation names many fields of packets."""
    return run(lambda case: [seen(an_attempt(identity="server"))], test=READS_MUCH)


def rewritten(folder, change, *, rehashed=True):
    """A copy of the run whose observations, a list of trees, went through `change`; hash, count and seal fit them."""
    lines = [json.loads(line) for line in gzip.decompress((folder / FILE).read_bytes()).splitlines()]
    lines = change(lines) or lines
    data = gzip.compress("".join(f"{json.dumps(line)}\n" for line in lines).encode(), mtime=0)

    def put(tree):
        (folder.parent / "edited" / FILE).write_bytes(data)
        if rehashed:
            tree["observations"] |= {"sha256": hashlib.sha256(data).hexdigest(), "count": len(lines)}

    return edited(folder, put, resealed=True)


def changed_value(path):
    def change(lines):
        holder = at(lines[0], path[:-1])
        holder[path[-1]] = other(holder[path[-1]])

    return change


def words(path, columns):
    """A path in the tree of an observation as words: without the places in lists, with the names of columns."""
    if path[0] == "captures" and len(path) > 4:
        return f"captures.{path[1]}.packets.{columns[path[4]]}"
    return ".".join(str(part) for part in path if not isinstance(part, int))


def may_be_changed(name):
    if name in READ_OF_THEM:
        return False
    return any(name == one or name.startswith(f"{one}.") for one in UNREAD) or name in {
        f"captures.client-pod.packets.{one}" for one in UNREAD_OF_A_PACKET
    }


def test_every_change_of_what_a_verdict_reads_is_refused(passing):
    tree = json.loads(gzip.decompress((passing / FILE).read_bytes()).splitlines()[0])
    taken = set()
    for path in leaves(tree):
        try:
            load_run(rewritten(passing, changed_value(path)))
        except ValueError:
            continue
        taken.add(words(path, tree["columns"]))
    assert sorted(name for name in taken if not may_be_changed(name)) == []
    assert {f"captures.client-pod.packets.{one}" for one in UNREAD_OF_A_PACKET} <= taken


CHANGES = {
    "a packet less": lambda lines: lines[0]["captures"]["client-pod"]["packets"].pop(),
    "a packet more": lambda lines: lines[0]["captures"]["client-pod"]["packets"].append(
        lines[0]["captures"]["client-pod"]["packets"][0]
    ),
    "a packet without its last column": lambda lines: lines[0]["captures"]["client-pod"]["packets"][0].pop(),
    "no exchange": lambda lines: lines[0]["observation"].update(attempts=[]),
    "a capture point that saw nothing": lambda lines: lines[0]["captures"]["client-pod"].update(
        usable=False, reason="blind"
    ),
    "no capture point": lambda lines: lines[0]["captures"].pop("client-pod"),
    "a case less": lambda lines: lines[1:],
    "a round more": lambda lines: [*lines, lines[0]],
    "the packets of another case": lambda lines: [{**lines[1], "case": lines[0]["case"]}, *lines[1:]],
    "another outcome": lambda lines: lines[0].update(outcome="fail"),
}


@pytest.mark.parametrize("what", CHANGES)
def test_what_is_added_and_taken_away_is_refused(what, passing):
    def change(lines):
        made = CHANGES[what](lines)
        return made if isinstance(made, list) and made and isinstance(made[0], dict) else None

    assert refusals(rewritten(passing, change))


def test_no_change_is_taken_that_the_record_does_not_have_the_hash_of(passing):
    def change(lines):
        lines[0]["captures"]["client-pod"]["packets"][0][1] += 1

    [line] = refusals(rewritten(passing, change, rehashed=False))
    assert "its SHA-256 differs from the one in run.json" in line


@pytest.mark.parametrize("by", [-1, 1])
def test_another_count_is_refused(by, passing):
    def change(tree):
        tree["observations"]["count"] += by

    [line] = refusals(edited(passing, change, resealed=True))
    assert f"holds 4 observations, but run.json counts {4 + by}" in line


def test_a_control_that_is_said_to_have_failed_excuses_no_failure(run):
    folder = run(lambda case: [an_observation(an_attempt(error="timeout"))])

    def change(lines):
        lines[0]["observation"]["controls"][0]["after"] = False

    lines = refusals(rewritten(folder, change))
    assert any("the record says fail, its observations say inconclusive" in line for line in lines)
