"""Restarts by host probes: what is asked of which node, when a node is back, and what an interrupt leaves behind."""

import json
from concurrent.futures import Future
from types import SimpleNamespace

import pytest

from podwire.probing.acts.restarts import BACK, LISTED, STILL, Restarts
from podwire.probing.client import ChannelLost

DNS, WEB = "10.96.0.10", "10.96.0.80"


class Node:
    """A host probe whose node restarts what it is asked to, after `late` looks; `loses` are load balancers that it does
    not get back."""

    def __init__(self, *, proxies=(5,), late=0, loses=(), refuses="", broken=False):
        self.proxies, self.hns, self.late, self.loses = list(proxies), 1, late, set(loses)
        self.refuses, self.broken = refuses, broken
        self.vips, self.asked, self.restarting = {DNS, WEB}, [], ""

    def call(self, method, parameters, timeout):
        assert method == "tool"
        answer = Future()
        try:
            answer.set_result({"code": 0, "stdout": "", "stderr": "", **self._do(parameters["name"])})
        except ChannelLost as problem:
            answer.set_exception(problem)
        return answer

    def _do(self, tool):
        if tool == "hns-load-balancers":
            listed = [{"VIPs": [vip], "IsDSR": True, "Port": 80, "Protocol": 6} for vip in self.vips]
            return {"stdout": json.dumps({"LoadBalancers": listed})}
        if tool == "hns-processes":
            if self.restarting and not self.refuses:
                self.late -= 1
                if self.late < 0:
                    self._restarted()
            return {"stdout": json.dumps({"Hns": self.hns, "Proxy": self.proxies})}
        self.asked.append(tool)
        if tool.startswith("restart-"):
            self.restarting = tool
            if self.broken:
                raise ChannelLost("the stream broke")
            return {"code": 1, "stderr": self.refuses} if self.refuses else {}
        return {}

    def _restarted(self):
        self.vips -= self.loses
        if self.restarting == "restart-hns":
            self.hns += 1
        else:
            self.proxies = [process + 1 for process in self.proxies]
        self.restarting = ""


class Clock:
    """Time passes only where somebody sleeps."""

    def __init__(self):
        self.now, self.interrupt = 100.0, None

    def sleep(self, seconds):
        self.now += seconds
        if self.interrupt:
            raise self.interrupt


def restarts(clock, **nodes):
    probes = [SimpleNamespace(slot="host", os="windows", node=name, pod=f"{name}-host") for name in nodes]
    probes.append(SimpleNamespace(slot="host", os="linux", node="linux", pod="linux-host"))
    agents = {f"{name}-host": node for name, node in nodes.items()} | {"linux-host": None}
    deployment = SimpleNamespace(probes=probes)
    return Restarts(deployment=deployment, agents=agents, clock=lambda: clock.now, sleep=clock.sleep)


@pytest.mark.parametrize("program", ["kube-proxy", "hns"])
@pytest.mark.parametrize("broken", [False, True])
def test_all_windows_nodes_restart_and_are_waited_for(program, broken):
    clock, first, second = Clock(), Node(late=3, broken=broken), Node(late=1)
    made = restarts(clock, first=first, second=second).make(program)
    assert (made.problem, first.asked, second.asked) == ("", [f"restart-{program}"], [f"restart-{program}"])
    assert made.shown == 101.5  # It shows when the last node is back.


def test_a_load_balancer_that_does_not_come_back_is_not_waited_for_to_the_end():
    clock = Clock()
    made = restarts(clock, node=Node(loses={WEB})).make("kube-proxy")
    assert (made.problem, made.shown) == ("", 100.0)
    assert STILL <= clock.now - made.shown < LISTED


def test_a_node_that_is_not_back_is_named_with_what_to_do():
    clock, well, ill = Clock(), Node(), Node(refuses="Access is denied.")
    made = restarts(clock, well=well, ill=ill).make("hns")
    assert made.problem == (
        f"podwire restarted hns, and after {BACK:g} s it does not run on ill (Access is denied.); start it there: "
        "Start-Service hns"
    )
    assert (well.asked, ill.asked) == (["restart-hns"], ["restart-hns", "start-services"])


def test_an_interrupt_starts_what_is_not_back():
    clock, node = Clock(), Node(late=9)
    clock.interrupt = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        restarts(clock, node=node).make("hns")
    assert node.asked == ["restart-hns", "start-services"]


@pytest.mark.parametrize(
    ("nodes", "words"),
    [
        ({}, "no Windows node has a host probe that answers"),
        ({"a": Node(), "b": Node(proxies=())}, "no process kube-proxy runs on b"),
    ],
)
def test_nothing_is_restarted_where_a_node_cannot_be_compared_afterwards(nodes, words):
    made = restarts(Clock(), **nodes).make("kube-proxy")
    assert made.problem == f"podwire restarted nothing: {words}"
    assert not any(node.asked for node in nodes.values())
