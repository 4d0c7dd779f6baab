"""The views of a watch: the table, what stands beside a gap, the time line, and its page."""

import pytest
from changed import replace
from html_page import Page

from podwire.gating.budgets import judged
from podwire.model.gaps.paths import budget
from podwire.records.watch import (
    SCHEMA,
    BlindTime,
    GapOfPath,
    PacketFile,
    PathCounts,
    PathRecord,
    TimedEvent,
    WatchHead,
    WatchRecord,
)
from podwire.reporting.watches.page import MOST_ROWS, watch_html
from podwire.reporting.watches.text import beside, decision_tree, event_words, watch_text
from podwire.reporting.watches.time_line import KEY

KINDS = [kind for kind, *_ in KEY]
"""The bars of the key at the drawing's end."""
BUDGETS = [budget("pod-service windows: 2s")]
EVENTS = (
    TimedEvent(at=1_000, kind="node", subject="windows-1", text="cordoned"),
    TimedEvent(at=8_000, kind="node", subject="windows-1", text="not ready: Kubelet stopped posting node status."),
    TimedEvent(at=8_100, kind="event", subject="windows-1", text="NodeHasNoDiskPressure: <b>fine</b>"),
    TimedEvent(at=14_000, kind="node", subject="windows-1", text="ready"),
    TimedEvent(at=15_000, kind="api", subject="API server", text="does not answer: no connection"),
    TimedEvent(at=30_000, kind="pod", subject="pod-a", text="ready on windows-1"),
)
GAPS = (
    GapOfPath(at=8_050, length=5_300, client="pod-b", server="Service linux", messages=26),
    GapOfPath(at=40_000, length=700, client="pod-a", server="Service linux", messages=3),
)


def a_path(path, longest, gaps=(), **changes):
    counts = PathCounts(sent=300, answered=270, lost=30, resets=2, streams=3)
    given = {
        "path": path,
        "longest": longest,
        "counts": counts,
        "watched": 59_900,
        "gap_count": len(gaps),
        "gaps": gaps,
    }
    return PathRecord(**{**given, **changes})


@pytest.fixture
def record():
    head = WatchHead(
        run_id="w<1>",
        version="1",
        cluster="lab x",
        emulated=True,
        started=1_700_000_000.0,
        length=60_000,
        every=200,
        threshold=600,
    )
    paths = (a_path("pod-pod linux-linux tcp", 40), a_path("pod-service windows-linux tcp", 5_300, GAPS))
    remarks = ("something <else>",)
    return WatchRecord(schema=SCHEMA, head=head, paths=paths, events=EVENTS, remarks=remarks, finished=True)


def test_beside_the_longest_gap_stands_what_happened_when_it_began(record):
    near = beside(record, record.paths[1])
    assert [event_words(event) for event in near] == ["8.0 s windows-1 not ready: Kubelet stopped posting node status."]
    assert beside(record, record.paths[0]) == []


def test_the_text_has_the_table_the_events_and_the_decision(record):
    lines = watch_text(record, judged(record, BUDGETS), BUDGETS).splitlines()
    rows = [line.split() for line in lines if line.startswith("  pod-")]
    assert rows[0][:11] == ["pod-service", "windows-linux", "tcp", "5300", "ms", "!", "30", "2", "100", "%", "2"]
    assert rows[1][:9] == ["pod-pod", "linux-linux", "tcp", "40", "ms", "30", "2", "100", "%"]
    assert "       8.0 s  windows-1: not ready: Kubelet stopped posting node status." in lines
    assert not [line for line in lines if "DiskPressure" in line]
    assert any(line.startswith("over budget: pod-service windows-linux tcp: 5300 ms") for line in lines)
    assert "a watch of the embedded lab: emulated, no evidence about Windows" in lines


def test_the_page_has_a_lane_for_each_path_and_node_and_marks_with_words(record):
    page = Page(watch_html(record, judged(record, BUDGETS), BUDGETS))
    kinds = [rect["class"] for rect in page.of("rect")]
    # The node's absence, that of the API server until the end, the gap over its budget, and the one within.
    assert sorted(kinds) == sorted([*KINDS, "away", "away", "gap", "over"])
    assert len(page.of("circle")) == 5
    (drawing,) = page.of("svg")
    assert drawing["role"] == "img"
    assert drawing["aria-label"] == "Time line of 2 paths and 6 events over 60 s"
    text = watch_html(record, judged(record, BUDGETS), BUDGETS)
    assert "<b>fine" not in text
    assert "Something &lt;else&gt;" in text
    assert "http" not in text.replace("http-equiv", "")


def test_a_watch_in_which_nothing_happened_has_a_page_too(record):
    quiet = WatchRecord(schema=SCHEMA, head=record.head, paths=(), events=())
    assert "Nothing happened in the cluster." in watch_html(quiet, judged(quiet, ()), ())
    assert watch_text(quiet, judged(quiet, ()), ()).count("cannot judge") == 2
    calm = WatchRecord(schema=SCHEMA, head=record.head, paths=record.paths[:1], events=(), finished=True)
    page = Page(watch_html(calm, judged(calm, BUDGETS[:0]), ()))
    assert ([rect["class"] for rect in page.of("rect")], page.of("circle")) == (KINDS, [])


def test_pods_of_one_lane_are_away_each_for_its_own_time(record):
    texts = ((1, "a", "not ready on n1"), (5, "b", "not ready on n2"), (20, "b", "ready on n2"), (40, "a", "gone"))
    events = tuple(TimedEvent(at=at * 1000, kind="pod", subject=pod, text=text) for at, pod, text in texts)
    text = watch_html(replace(record, events=events), judged(record, ()), ())
    # Both overlap, so they are one bar.
    assert "2 of them, the longest: a not ready on n1, 39 s" in text


def test_a_remark_that_a_budget_makes_a_doubt_is_told_once(record):
    path = "pod-node linux-linux tcp"
    other = replace(record, unanswered=(path,), unwatched=("no pod was there",))
    for budgets, known in (([], 0), ([budget("*: 9s")], 1)):
        text = watch_text(other, judged(other, budgets), budgets)
        assert text.count(f"{path}: no answer before the watch") == 1
        assert text.count("no pod was there") == 1
        assert text.count("cannot judge: ") == 2 * known


def test_a_day_with_very_many_gaps_and_events_has_as_many_marks_as_fit(record):
    gaps = tuple(GapOfPath(at=at * 80_000, length=700, client="pod-a", server="pod-b") for at in range(1000))
    events = tuple(TimedEvent(at=at * 5000, kind="pod", subject=f"p{at}", text="ready") for at in range(17_000))
    head = replace(record.head, length=86_400_000)
    day = WatchRecord(
        schema=SCHEMA, head=head, paths=(a_path("pod-pod linux-linux tcp", 700, gaps),), events=events, finished=True
    )
    text = watch_html(day, judged(day, ()), ())
    page = Page(text)
    assert len(page.of("rect")) < 600
    assert len(page.of("circle")) < 600
    assert len(page.of("tr")) < MOST_ROWS + 10
    assert "15000 more are in watch.json." in text
    assert len(text) < 2_000_000
    # Gaps that would touch are one bar, and it says how many they are.
    assert " of them, the longest: 700 ms" in text


def test_what_nobody_knows_and_a_busy_client_are_marked_apart(record):
    gaps = (
        GapOfPath(at=1000, length=5000, client="pod-a", server="pod-b", own_delay=4800),
        GapOfPath(at=50_000, length=5000, client="pod-a", server="pod-b", open=True),
    )
    blind = (BlindTime(at=20_000, length=9000, client="pod-c"),)
    path = a_path("pod-service windows-linux tcp", 5000, gaps, blind=blind, blind_count=1)
    other = WatchRecord(schema=SCHEMA, head=record.head, paths=(path,), events=(), finished=True)
    text = watch_html(other, judged(other, BUDGETS), BUDGETS)
    assert sorted(rect["class"] for rect in Page(text).of("rect")) == sorted([*KINDS, "blind", "busy", "over"])
    assert "nobody knows of pod-c for 9000 ms from 20.0 s on" in text
    assert "the client itself was 4800 ms late" in text
    assert "and still none when the watch ended" in text
    assert "Podwire lost the agents of pod-c while they ran; nobody knows of up to 9000 ms" in text


def test_a_program_gets_the_decision_with_numbers(record):
    tree = decision_tree(record, judged(record, BUDGETS), BUDGETS)
    assert (tree["schema"], tree["decision"]) == ("podwire.watch-gate/1", "over")
    assert [(path["path"], path["longest"], path["budget"]) for path in tree["paths"]] == [
        ("pod-pod linux-linux tcp", 40, None),
        ("pod-service windows-linux tcp", 5300, 2000),
    ]


def test_files_with_packets_are_named_and_linked(record):
    file = PacketFile(file="000006000-000012000-pod-a.pcap.gz", pod="pod-a", at=6_000, until=12_000, packets=321)
    record = replace(record, packets=(file,))
    assert "packets around gaps: 1 file of 1 Linux pod in the folder packets" in watch_text(
        record, judged(record, BUDGETS), BUDGETS
    )
    page = watch_html(record, judged(record, BUDGETS), BUDGETS)
    assert 'href="packets/000006000-000012000-pod-a.pcap.gz"' in page
    assert "<td>6.0 s</td><td>12.0 s</td><td>321</td>" in page
