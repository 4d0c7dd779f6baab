"""How busy the runner's machine was, as the kernel counts it or as its load average says."""

import pytest

from podwire.probing.pressure import Waited, share_of_load, waited_seconds

LINES = "some avg10=1.00 avg60=0.50 avg300=0.10 total=2500000\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n"


def test_the_kernels_count_is_read_in_seconds(tmp_path):
    (tmp_path / "cpu").write_text(LINES)
    assert waited_seconds(tmp_path / "cpu") == 2.5


@pytest.mark.parametrize("text", ["", "full total=3\n", "some total=x\n", "some total=1\nsome total=2\n"])
def test_what_is_no_count_is_none(tmp_path, text):
    (tmp_path / "cpu").write_text(text)
    assert waited_seconds(tmp_path / "cpu") is None


def test_a_kernel_without_the_count_has_none(tmp_path):
    assert waited_seconds(tmp_path / "none") is None


def test_the_share_is_of_the_time_since_the_beginning():
    counts, times = iter([10.0, 13.0]), iter([100.0, 104.0])
    assert Waited(lambda: next(counts), lambda: next(times)).share() == 0.75


def test_a_count_that_goes_back_is_no_negative_share():
    counts, times = iter([10.0, 3.0]), iter([100.0, 104.0])
    assert Waited(lambda: next(counts), lambda: next(times)).share() == 0.0


@pytest.mark.parametrize(("load", "processors", "share"), [(0.0, 2, 0.0), (1.0, 2, 0.0), (4.0, 2, 0.5), (20.0, 2, 0.9)])
def test_a_load_above_the_number_of_processors_is_waiting(load, processors, share):
    assert share_of_load(load, processors) == share
