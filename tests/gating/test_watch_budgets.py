"""Watches under budgets: what is over, what is within, and what nobody can say."""

import pytest

from podwire.gating.budgets import WatchDecision, budget_of, judged
from podwire.model.gaps.paths import budget
from podwire.records.watch import (
    SCHEMA,
    BlindTime,
    CommandRecord,
    GapOfPath,
    PathCounts,
    PathRecord,
    TimedEvent,
    WatchHead,
    WatchRecord,
    load_watch,
    write_watch,
)

HEAD = WatchHead(
    run_id="w1",
    version="1",
    cluster="lab x",
    emulated=True,
    started=1_700_000_000.0,
    length=60_000,
    every=200,
    threshold=600,
)


def a_path(path, longest, answered=100, **changes):
    gaps = (GapOfPath(at=9000, length=longest, client="pod-a", server="Service linux"),) if longest >= 600 else ()
    counts = PathCounts(sent=100, answered=answered, streams=1)
    given = {"path": path, "longest": longest, "counts": counts, "watched": 60_000}
    return PathRecord(**{**given, "gaps": gaps, "gap_count": len(gaps), **changes})


def a_gap(length, **changes):
    return GapOfPath(**{"at": 9000, "length": length, "client": "pod-a", "server": "Service linux", **changes})


def a_watch(*paths, **changes):
    events = (
        TimedEvent(at=8000, kind="node", subject="windows-1", text="cordoned"),
        TimedEvent(at=8500, kind="pod", subject="pod-a", text="ready on windows-1"),
        TimedEvent(at=50_000, kind="node", subject="windows-2", text="cordoned"),
    )
    return WatchRecord(
        **{"schema": SCHEMA, "head": HEAD, "paths": paths, "events": events, "finished": True, **changes}
    )


WATCH = a_watch(a_path("pod-service windows-linux tcp", 5200), a_path("pod-pod linux-linux tcp", 80))


@pytest.mark.parametrize(
    ("budgets", "decision"),
    [
        (["pod-service windows: 2s"], WatchDecision.OVER),
        (["pod-service windows: 6s"], WatchDecision.WITHIN),
        (["*: 2s"], WatchDecision.OVER),
        (["*: 2s", "pod-service windows: 6s"], WatchDecision.WITHIN),
        (["pod-service windows-linux: 2s", "pod-service windows: 6s"], WatchDecision.OVER),
        (["pod-pod windows: 2s"], WatchDecision.UNKNOWN),
        (["pod-pod windows: 2s", "*: 2s"], WatchDecision.OVER),
        ([], WatchDecision.WITHIN),
    ],
)
def test_the_narrowest_budget_of_a_path_decides(budgets, decision):
    found = judged(WATCH, [budget(text) for text in budgets])
    assert found.decision is decision
    assert decision.exit_code == {"within": 0, "over": 1, "cannot judge": 10}[decision]


def test_a_path_over_its_budget_is_told_with_its_number_and_its_ends():
    (over,) = judged(WATCH, [budget("pod-service windows: 2s")]).over
    assert str(over) == (
        "pod-service windows-linux tcp: 5200 ms without an answer, over the budget of 2 s "
        "(pod-a to Service linux, 9.0 s after the start)"
    )


FINE = a_path("pod-pod linux-linux tcp", 5)


def worse(**changes):
    return a_watch(a_path("pod-pod linux-linux tcp", **{"longest": 5, **changes}))


@pytest.mark.parametrize(
    ("record", "why"),
    [
        (worse(answered=0), "pod-pod linux-linux tcp: no answer at all"),
        (a_watch(), "no path was watched"),
        (
            a_watch(a_path("pod-pod linux-linux udp", 5), unanswered=("pod-pod linux-linux tcp",)),
            "pod-pod linux-linux tcp: no answer before the watch began; podwire run says why; if it never has one, "
            "give it --gap 'pod-pod linux-linux: any'",
        ),
        (
            worse(silent=("watch-linux-x",)),
            "pod-pod linux-linux tcp: watch-linux-x had no answer before the watch began",
        ),
        (a_watch(FINE, command=CommandRecord(words=("upgrade",), exit_code=2)), "the command upgrade ended with exit"),
        (a_watch(FINE, command=CommandRecord(words=("upgrade",))), "the command upgrade did not end"),
        (a_watch(FINE, finished=False), "podwire was killed, and has stored nothing after 60 s"),
        (a_watch(FINE, unwatched=("no windows node was ready",)), "no windows node was ready"),
        (worse(gone=True), "pod-pod linux-linux tcp: none of its streams ran when the watch ended"),
        (
            worse(blind=(BlindTime(at=4000, length=2100, client="pod-a"),), blind_count=1),
            "podwire had lost the agent of pod-a 4.0 s after the start: nobody knows of 2100 ms",
        ),
        (worse(gaps=(a_gap(700, open=True),)), "still no answer when the watch ended, for 700 ms"),
        (
            worse(longest=9000, gaps=(a_gap(9000, own_delay=8500),)),
            "9000 ms without an answer 9.0 s after the start, but the client pod-a was 8500 ms late itself",
        ),
    ],
)
def test_nothing_passes_by_absence(record, why):
    found = judged(record, [budget("pod-pod: 2s")])
    assert found.decision is WatchDecision.UNKNOWN
    assert [text for text in found.unknown if why in text], found.unknown


@pytest.mark.parametrize(
    "record",
    [
        # Shorter than the budget, so whatever happened in it is within.
        worse(blind=(BlindTime(at=4000, length=1900, client="pod-a"),), blind_count=1),
        # Of another path, which has no limit.
        a_watch(FINE, unanswered=("node-service windows-linux tcp",)),
        a_watch(FINE, a_path("pod-node linux-linux tcp", 90_000, gone=True)),
    ],
)
def test_what_cannot_change_the_decision_is_no_doubt(record):
    budgets = [budget("pod-pod: 2s"), budget("*: 2s"), budget("node-service windows: any"), budget("pod-node: any")]
    assert judged(record, budgets) == ((), ())


def test_every_path_is_more_than_the_paths_that_answer():
    record = a_watch(FINE, unanswered=("node-service windows-linux tcp",))
    assert judged(record, [budget("*: 2s")]).decision is WatchDecision.UNKNOWN
    assert judged(record, [budget("*: 2s"), budget("node-service: any")]).decision is WatchDecision.WITHIN
    assert judged(record, []).decision is WatchDecision.WITHIN


def test_a_gap_is_over_by_what_its_client_was_not_late_itself():
    gaps = (a_gap(9000, own_delay=8900), a_gap(2500, own_delay=100, client="pod-b"))
    (over,) = judged(worse(longest=9000, gaps=gaps), [budget("pod-pod: 2s")]).over
    assert over.gap.client == "pod-b"
    assert str(over).startswith("pod-pod linux-linux tcp: 2500 ms without an answer")


def test_a_gap_that_an_agent_could_not_list_is_over_too():
    (over,) = judged(worse(longest=9000, gaps=(a_gap(700),)), [budget("pod-pod: 2s")]).over
    assert str(over) == "pod-pod linux-linux tcp: 9000 ms without an answer, over the budget of 2 s"


def test_a_budget_below_what_was_measured_cannot_be_judged():
    found = judged(worse(), [budget("pod-pod: 300ms")])
    assert found.unknown == (
        "pod-pod linux-linux tcp: waits below 600 ms were not measured one by one; watch with a smaller --every",
    )
    assert judged(worse(longest=700, gaps=(a_gap(700),)), [budget("pod-pod: 300ms")]).over


def test_equally_narrow_budgets_count_by_the_smaller():
    budgets = [budget("pod-service: 5s"), budget("pod-service: 3s")]
    assert budget_of("pod-service linux-linux tcp", budgets).seconds == 3


def test_a_record_is_read_as_it_was_written_and_another_schema_is_refused(tmp_path):
    write_watch(WATCH, tmp_path)
    assert load_watch(tmp_path) == WATCH
    text = (tmp_path / "watch.json").read_text()
    (tmp_path / "watch.json").write_text(text.replace("podwire.watch/1", "podwire.watch/9"))
    with pytest.raises(ValueError, match=r"its schema is 'podwire.watch/9'"):
        load_watch(tmp_path)
    (tmp_path / "watch.json").write_text(text.replace('"longest": 5200', '"longest": "x"'))
    with pytest.raises(ValueError, match=r"watch.json: paths\[0\].longest"):
        load_watch(tmp_path)
