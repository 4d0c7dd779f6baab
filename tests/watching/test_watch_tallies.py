"""The sums of a path: counts of streams that go on count once, gaps are kept within bounds."""

import pytest

from podwire.model.streams.numbers import Counts, Gap, Stream, StreamError, Totals
from podwire.records.watch import MOST_BLIND, MOST_GAPS, BlindTime
from podwire.watching.tallies import Ends, PathTally

ENDS = Ends(client="pod-w1", server="Service linux")


def a_stream(sent=0, answered=0, lost=0, **changes):
    counts = Counts(sent=sent, answered=answered, lost=lost)
    return Stream(**{"started": 0.0, "ran": 1000, "ended": False, "counts": counts, **changes})


def with_gaps(*gaps, **changes):
    return a_stream(gaps=gaps, totals=Totals(gaps=len(gaps)), **changes)


@pytest.fixture
def tally():
    tally = PathTally("pod-pod linux-linux tcp", 600)
    tally.begin("s1", 0)
    return tally


def test_what_a_stream_reports_again_counts_once(tally):
    tally.take("s1", ENDS, a_stream(10, 9, 1, longest=70), 1000)
    tally.take("s1", ENDS, a_stream(25, 22, 3, longest=300), 2000)
    tally.end("s1", ENDS, 2000, seen=True)
    tally.begin("s2", 5000)
    tally.take("s2", ENDS, a_stream(5, 5), 6000)
    tally.end("s2", ENDS, 7000, seen=False)
    record = tally.record(9000)
    counts = record.counts
    assert (counts.sent, counts.answered, counts.lost) == (30, 27, 3)
    assert (counts.streams, counts.unseen, record.longest) == (2, 1, 300)
    # One stream ran from 0 to 2000, the other from 5000 to 7000.
    assert record.watched == 4000


def test_streams_side_by_side_are_watched_once(tally):
    tally.begin("s2", 1000)
    tally.end("s1", ENDS, 3000, seen=True)
    assert tally.record(8000).watched == 8000
    tally.end("s2", ENDS, 9000, seen=True)
    assert tally.record(20_000).watched == 9000


def test_gaps_and_errors_have_their_moment_in_the_watch(tally):
    error = StreamError(at=1, until=2, times=2, stage="receive", kind="reset")
    closed = StreamError(at=1, until=2, times=1, stage="receive", kind="closed")
    refused = StreamError(at=1, until=2, times=4, stage="connect", kind="refused")
    stream = with_gaps(Gap(500, 2000, 10, 3), errors=(error, closed, refused), ran=3000)
    # The agent answers 13 s after the watch began, so its stream began after 10 s, whatever its clock does.
    (gap,) = tally.take("s1", ENDS, stream, 13_000)
    assert (gap.at, gap.length, gap.messages, gap.own_delay) == (10_500, 2000, 10, 3)
    counts = tally.record(14_000).counts
    assert counts.resets == 3
    assert counts.errors == {"closed": 1, "refused": 4, "reset": 2}


def test_of_many_gaps_the_longest_stay(tally):
    for number in range(3 * MOST_GAPS):
        totals = Totals(gaps=number + 1)
        tally.take("s1", ENDS, a_stream(gaps=(Gap(0, 600 + number, 3, 0),), totals=totals), 1000 + number * 10_000)
    record = tally.record(0)
    assert record.gap_count == 3 * MOST_GAPS
    assert len(record.gaps) == MOST_GAPS
    assert min(gap.length for gap in record.gaps) == 600 + 2 * MOST_GAPS
    assert [gap.at for gap in record.gaps] == sorted(gap.at for gap in record.gaps)


def test_gaps_of_busy_clients_push_out_no_gap_of_the_network_and_the_longest_is_kept(tally):
    tally.take("s1", ENDS, with_gaps(Gap(0, 2000, 5, 0)), 1000)
    for number in range(2 * MOST_GAPS):
        busy = (Gap(0, 9000 + number, 1, 8500),)
        tally.take("s1", ENDS, a_stream(gaps=busy, totals=Totals(gaps=number + 2)), 2000)
    gaps = tally.record(0).gaps
    assert max(gap.certain for gap in gaps) == 2000
    assert max(gap.length for gap in gaps) == 9000 + 2 * MOST_GAPS - 1


def test_gaps_that_an_agent_had_no_room_to_list_count(tally):
    tally.take("s1", ENDS, a_stream(totals=Totals(gaps=700, left_off=200), longest=5000), 1000)
    record = tally.record(0)
    assert (record.gap_count, record.counts.left_off, record.longest) == (700, 200, 5000)


def test_a_wait_that_went_on_when_the_agent_was_lost_is_a_gap(tally):
    tally.take("s1", ENDS, a_stream(10, 4, longest=3000, waiting=3000), 8000)
    assert tally.last_answer("s1") == 5000
    tally.end("s1", ENDS, 9000, seen=False)
    ((gap),) = tally.record(9000).gaps
    assert (gap.at, gap.length) == (5000, 3000)


def test_a_gap_that_only_the_end_of_the_watch_has_closed_is_open(tally):
    tally.take("s1", ENDS, a_stream(10, 4, waiting=900), 8000)
    (gap,) = tally.take("s1", ENDS, with_gaps(Gap(0, 1200, 4, 0), sent=12, answered=4), 8300, last=True)
    assert gap.open


def test_a_gap_that_an_answer_has_closed_is_not_open(tally):
    tally.take("s1", ENDS, a_stream(10, 4, waiting=900), 8000)
    (gap,) = tally.take("s1", ENDS, with_gaps(Gap(0, 1200, 4, 0), sent=12, answered=5), 8300, last=True)
    assert not gap.open


def test_of_many_unknown_times_the_longest_stay(tally):
    blind = [BlindTime(at=-number, length=number, client="a") for number in range(3 * MOST_BLIND)]
    record = tally.record(0, blind)
    assert record.blind_count == 3 * MOST_BLIND
    assert min(time.length for time in record.blind) == 2 * MOST_BLIND
    assert [time.at for time in record.blind] == sorted(time.at for time in record.blind)
