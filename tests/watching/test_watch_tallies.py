"""The sums of a path: counts of streams that go on count once, gaps are kept within bounds."""

from podwire.model.streams.numbers import Counts, Gap, Stream, StreamError
from podwire.records.watch import MOST_GAPS
from podwire.watching.tallies import Ends, PathTally

ENDS = Ends(client="pod-w1", server="Service linux", began=10_000)


def a_stream(sent=0, answered=0, lost=0, **changes):
    counts = Counts(sent=sent, answered=answered, lost=lost)
    return Stream(started=0.0, ran=1000, ended=False, counts=counts, **changes)


def test_what_a_stream_reports_again_counts_once():
    tally = PathTally("pod-pod linux-linux tcp")
    tally.take("s1", ENDS, a_stream(10, 9, 1, longest=70))
    tally.take("s1", ENDS, a_stream(25, 22, 3, longest=300))
    tally.end("s1", seen=True)
    tally.take("s2", ENDS, a_stream(5, 5))
    tally.end("s2", seen=False)
    record = tally.record()
    assert (record.sent, record.answered, record.lost) == (30, 27, 3)
    assert (record.streams, record.unseen, record.longest) == (2, 1, 300)


def test_gaps_and_errors_have_their_moment_in_the_watch():
    tally = PathTally("pod-pod linux-linux tcp")
    error = StreamError(at=1, until=2, times=2, stage="receive", kind="reset")
    closed = StreamError(at=1, until=2, times=1, stage="receive", kind="closed")
    refused = StreamError(at=1, until=2, times=4, stage="connect", kind="refused")
    (gap,) = tally.take("s1", ENDS, a_stream(gaps=(Gap(500, 2000, 10, 3),), errors=(error, closed, refused)))
    assert (gap.at, gap.length, gap.messages, gap.own_delay) == (10_500, 2000, 10, 3)
    record = tally.record()
    assert record.resets == 3
    assert record.errors == {"closed": 1, "refused": 4, "reset": 2}


def test_of_many_gaps_the_longest_stay():
    tally = PathTally("pod-pod linux-linux tcp")
    for number in range(3 * MOST_GAPS):
        tally.take("s1", ENDS, a_stream(gaps=(Gap(number * 10_000, 600 + number, 3, 0),)))
    record = tally.record()
    assert record.gap_count == 3 * MOST_GAPS
    assert len(record.gaps) == MOST_GAPS
    assert min(gap.length for gap in record.gaps) == 600 + 2 * MOST_GAPS
    assert [gap.at for gap in record.gaps] == sorted(gap.at for gap in record.gaps)
