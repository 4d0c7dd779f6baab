"""One thread reads all channels: what happens to one of them is nothing to the others."""

import socket
import threading

import pytest

from podwire.cluster.exec.reader import Reader


class Line:
    """A channel that keeps what it reads, and has a fault where it is told to."""

    wants_to_write = False

    def __init__(self, fault=""):
        self.ours, self.theirs = socket.socketpair()
        self.fault, self.data, self.reason = fault, b"", ""
        self.came, self.ended = threading.Event(), threading.Event()

    def fileno(self):
        return self.ours.fileno()

    def on_readable(self):
        self._fail("readable")
        self.data += self.ours.recv(100)
        self.came.set()
        return False

    def on_writable(self):
        self._fail("writable")

    def on_time(self, now):
        self._fail("time")

    def _fail(self, where):
        if self.fault == where:
            raise RuntimeError(where)

    def abort(self, reason):
        self.reason = reason
        self.ended.set()

    def release(self):
        self.ours.close()


@pytest.mark.parametrize("fault", ["readable", "writable", "time"])
def test_a_fault_of_one_channel_ends_that_one_and_the_others_are_read_on(fault):
    reader, bad, good = Reader(), Line(fault), Line()
    bad.wants_to_write = fault == "writable"
    reader.add(bad)
    bad.theirs.send(b"x")
    assert bad.ended.wait(5)
    assert bad.reason == f"a fault of podwire: RuntimeError: {fault}"
    reader.remove(bad)
    reader.add(good)
    good.theirs.send(b"hello")
    assert good.came.wait(5)
    assert good.data == b"hello"
    reader.remove(good)
