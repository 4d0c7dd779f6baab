"""The agent's own loop, on epoll and on the select() that Windows needs."""

import itertools
import os
import socket
import threading

import pytest
from agent_loop import run_coroutine as run

from podwire.agent.attempts import together
from podwire.agent.loop import Loop, SelectPoller, now, readable, sleep, writable


@pytest.fixture(params=["epoll", "select", "select in parts"])
def loop(request):
    one = Loop()
    if request.param != "epoll":
        one.poller = SelectPoller()
        one.poller.MOST = 2 if request.param == "select in parts" else 500
    return one


def test_the_tests_refuse_a_coroutine_that_is_made_already(loop):
    async def main():
        """Nothing to wait for."""

    with pytest.raises(TypeError, match="a function that makes a coroutine"):
        run(loop, main())


def test_each_socket_wakes_its_own_task(loop):
    pairs = [socket.socketpair() for _ in range(7)]

    async def wait(number):
        assert await readable(pairs[number][0], now() + 3)
        return pairs[number][0].recv(10)

    async def main():
        for number in (3, 0, 6, 1, 5, 2, 4):
            pairs[number][1].send(b"%d" % number)
        return await together(loop, [wait(number) for number in range(7)])

    assert run(loop, main) == [b"%d" % number for number in range(7)]
    for pair in pairs:
        for sock in pair:
            sock.close()


def test_what_arrives_while_other_tasks_run_is_no_timeout(loop):
    """A loop that is late itself, on a busy machine or in a long step, looks once more before it calls a wait over."""
    (first, waker), (second, sender) = socket.socketpair(), socket.socketpair()

    async def busy():
        await readable(first, now() + 3)
        sender.send(b"x")  # In time for the other task, which this step keeps from seeing it until its moment is past.
        while now() < moment:
            pass

    async def patient():
        return await readable(second, moment)

    async def main():
        nonlocal moment
        moment = now() + 0.05
        waker.send(b"x")
        return await together(loop, [busy(), patient()])

    moment = 0.0
    assert run(loop, main) == [None, True]
    for sock in (first, waker, second, sender):
        sock.close()


def test_a_wait_ends_at_its_moment_and_the_socket_can_be_waited_for_again(loop):
    left, right = socket.socketpair()

    async def main():
        first = await readable(left, now() + 0.05)
        right.send(b"x")
        return first, await readable(left, now() + 3), await writable(left, now() + 3)

    assert run(loop, main) == (False, True, True)
    left.close()
    right.close()


def test_what_a_thread_finds_out_comes_back_and_so_does_its_error(loop):
    async def main():
        number = await loop.in_thread(threading.get_ident, now() + 3)
        with pytest.raises(ZeroDivisionError):
            await loop.in_thread(lambda: 1 // 0, now() + 3)
        return number

    assert run(loop, main) != threading.get_ident()


def test_work_that_takes_too_long_is_given_up(loop):
    gate = threading.Event()

    async def main():
        with pytest.raises(TimeoutError):
            await loop.in_thread(lambda: gate.wait(4), now() + 0.05)
        gate.set()
        return await loop.in_thread(os.getpid, now() + 3)

    assert run(loop, main) == os.getpid()


def test_a_cancelled_task_cleans_up_and_does_not_run_again(loop):
    left, right = socket.socketpair()
    said = []

    async def wait():
        try:
            await readable(left)
            said.append("ran")
        finally:
            said.append("cleaned")

    async def main():
        task = loop.spawn(wait())
        await sleep(now() + 0.01)
        loop.cancel(task)
        right.send(b"x")
        await sleep(now() + 0.05)

    run(loop, main)
    assert said == ["cleaned"]
    left.close()
    right.close()


def test_old_timers_do_not_pile_up(loop):
    left, right = socket.socketpair()
    right.send(b"x")

    async def main():
        for _ in range(3000):
            await readable(left, now() + 1000)
        return len(loop._timers)

    assert run(loop, main, 20) <= 1001
    left.close()
    right.close()


def test_one_tasks_fault_does_not_end_the_others(loop, capfd):
    async def fault():
        raise KeyError("oops")

    async def main():
        loop.spawn(fault())
        return await sleep(now() + 0.01)

    assert run(loop, main) is False
    assert "KeyError: 'oops'" in capfd.readouterr().err


def test_a_timer_that_is_served_late_is_noted():
    """Whoever holds the processor for long, be it another task or another process, the timer waits."""
    loop = Loop()

    async def main():
        due = now() + 0.01
        while now() < due + 0.2:
            pass
        await sleep(due)
        return loop.lateness.taken(), loop.lateness.taken()

    told, rest = run(loop, main)
    assert (told["timers"], told["late"]) == (1, 1)
    assert told["most"] >= 0.2
    assert rest == {"timers": 0, "late": 0, "most": 0.0}


def test_a_hurried_call_does_not_wait_until_thousands_of_tasks_had_their_step(loop):
    steps, calls = [], []

    async def task(number):
        await sleep(now())
        steps.append(number)

    async def main():
        loop.hurried.append(lambda: calls.append(len(steps)))
        await together(loop, [task(number) for number in range(3000)])
        loop.hurried.clear()

    run(loop, main)
    assert max(later - earlier for earlier, later in itertools.pairwise([0, *calls])) <= loop.STEPS
    assert len(steps) - calls[-1] <= loop.STEPS
