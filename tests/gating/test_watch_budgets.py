"""Watches under budgets: what is over, what is within, and what nobody can say."""

import pytest

from podwire.gating.budgets import WatchDecision, budget_of, judged
from podwire.model.gaps.paths import budget
from podwire.records.watch import (
    SCHEMA,
    CommandRecord,
    GapOfPath,
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
    given = {"path": path, "longest": longest, "sent": 100, "answered": answered, "lost": 0, "resets": 0, "streams": 1}
    return PathRecord(**{**given, "gaps": gaps, "gap_count": len(gaps), **changes})


def a_watch(*paths, **changes):
    events = (
        TimedEvent(at=8000, kind="node", subject="windows-1", text="cordoned"),
        TimedEvent(at=8500, kind="pod", subject="pod-a", text="ready on windows-1"),
        TimedEvent(at=50_000, kind="node", subject="windows-2", text="cordoned"),
    )
    return WatchRecord(**{"schema": SCHEMA, "head": HEAD, "paths": paths, "events": events, **changes})


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


@pytest.mark.parametrize(
    ("record", "why"),
    [
        (a_watch(a_path("pod-pod linux-linux tcp", 5, answered=0)), "pod-pod linux-linux tcp: no answer at all"),
        (a_watch(), "no path was watched"),
        (
            a_watch(a_path("pod-pod linux-linux udp", 5), unanswered=("pod-pod linux-linux tcp",)),
            "pod-pod linux-linux tcp: no answer before the watch began",
        ),
        (
            a_watch(a_path("pod-pod linux-linux tcp", 5), command=CommandRecord(words=("upgrade",), exit_code=2)),
            "the command upgrade ended with exit code 2",
        ),
        (
            a_watch(a_path("pod-pod linux-linux tcp", 5), command=CommandRecord(words=("upgrade",))),
            "the command upgrade did not end",
        ),
    ],
)
def test_nothing_passes_by_absence(record, why):
    found = judged(record, [budget("pod-pod: 2s")])
    assert found.decision is WatchDecision.UNKNOWN
    assert any(why in text for text in found.unknown)


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
