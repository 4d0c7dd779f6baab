"""Acts in their order: what waits for what, which controls surround a case, and what a change that fails costs."""

from concurrent.futures import Future
from contextlib import nullcontext
from threading import Timer
from types import SimpleNamespace

import pytest
from changed import replace
from plans_for_tests import cases

from podwire.cluster.deployment.changes.making import Made
from podwire.model.symbols import CONVERGES_WITHIN, ServiceSymbols
from podwire.planning.acts import acts_of
from podwire.probing.acts import flights as flights_of_acts
from podwire.probing.acts.settling import Settled
from podwire.probing.acts.stage import Stage
from podwire.probing.sightings import Landed

CASE = next(iter(cases()))


def a_case(name, after="", service="echo", **more):
    flow = CASE.flow.but(after=after, via="cluster-ip", service=ServiceSymbols(service), **more)
    return replace(CASE, id=name, flow=flow)


class Play:
    """Everything that acts are played on, with a diary of what happened."""

    def __init__(self, silent=(), problems=None, settled=None):
        self.diary, self.silent, self.waiting = [], silent, {}
        self._problems, self._settled = problems or {}, settled or {}
        self.broken, self.landed, self.marks, self.lingers = {}, 0, {}, 0
        self.awaited = []

    def launch(self, chosen, reported, broken, *, quiet=False):
        sent = []
        for case in chosen:
            if case.id in broken:
                continue
            answer = Future()
            if case.id in self.silent:
                self.waiting[case.id] = answer
            else:
                answer.set_result({})
            sent.append(SimpleNamespace(case=case, answer=answer))
        if sent:
            self.diary.append(("read " if quiet else "send ") + " ".join(flight.case.id for flight in sent))
        return sent

    def land(self, sent, broken, *, quiet=False):
        self.end_silence()
        self.landed += 1
        values = {"same": 1, "landed": self.landed} if quiet else {}
        return [
            Landed(case=flight.case, target=None, bindings=dict(values), attempts=(), output=str(self.landed))
            for flight in sent
        ]

    def end_silence(self):
        for answer in self.waiting.values():
            answer.set_result({})
        self.waiting.clear()

    def change(self, name):
        self.diary.append(f"change {name}")
        problem = self._problems.get(name, "")
        return Made(problem=problem) if problem else Made(shown=5.0)

    def sent(self, change):
        return {"stream": len(self.diary)}

    def shown(self, change, before):
        self.marks[change] = (before["stream"], len(self.diary))

    def settle(self, chosen, shown):
        assert shown == 5.0
        self.awaited += [case.id for case in chosen]
        return {case.id: self._settled.get(case.id, Settled(seconds=0.5)) for case in chosen}

    def of(self, *planned):
        stage = Stage(
            flights=SimpleNamespace(launch=self.launch, land=self.land),
            settling=SimpleNamespace(settle=self.settle, within=10.0),
            reported=None,
            change=self.change,
            marks=self,
            control=lambda: self.diary.append("control"),
            drain=lambda: self.diary.append("drain"),
            idle=lambda: self.diary.append("idle"),
            timed=lambda name: nullcontext(),
            linger=lambda meanwhile: [meanwhile() for _ in range(self.lingers)],
        )
        return stage.play(acts_of(planned), self.broken)


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(flights_of_acts, "LULL", 0.01)


def test_a_run_without_changes_has_one_act():
    play = Play()
    played = play.of(a_case("a"), a_case("b"))
    assert play.diary == ["send a b", "idle", "control"]
    assert played.rounds == {"a": (0, 1), "b": (0, 1)}


def test_each_act_begins_with_its_changes_and_lies_between_two_rounds_of_controls():
    play = Play()
    one, two = a_case("one", "endpoints-gone", "emptied"), a_case("two", "endpoints-back", "emptied")
    played = play.of(a_case("a"), one, two)
    changes = [
        "change endpoints-gone",
        "control",
        "send one",
        "change endpoints-back",
        "control",
        "send two",
        "control",
    ]
    assert play.diary == ["send a", "idle", *changes]
    assert played.rounds == {"a": (0, 1), "one": (1, 2), "two": (2, 3)}


def test_streams_note_each_change_that_was_made_before_it_and_when_it_shows():
    play = Play(problems={"endpoint-added": "refused"})
    play.of(a_case("one", "endpoints-gone", "emptied"), a_case("two", "endpoint-added", "scaled-up"))
    before, shown = play.marks.pop("endpoints-gone")
    assert before <= play.diary.index("change endpoints-gone") < shown
    assert not play.marks


def test_silent_flows_wait_through_the_next_act_and_their_controls_come_after_it():
    play = Play(silent={"quiet"})
    played = play.of(a_case("quiet"), a_case("one", "endpoints-gone", "emptied"))
    assert "quiet" not in play.waiting
    assert play.diary.index("drain") < play.diary.index("send one")
    assert played.rounds == {"quiet": (0, 2), "one": (1, 2)}


def test_a_change_waits_for_silent_flows_that_use_what_it_touches():
    play = Play(silent={"quiet"})
    sleeper = play.change
    play.change = lambda name: (play.diary.append(f"{len(play.waiting)} wait"), sleeper(name))[1]
    timer = Timer(0.3, play.end_silence)
    timer.start()
    played = play.of(a_case("quiet", service="emptied"), a_case("one", "endpoints-gone", "emptied"))
    assert "0 wait" in play.diary
    assert play.diary.index("drain") < play.diary.index("change endpoints-gone")
    assert play.diary.count("drain") == 1
    assert played.rounds["quiet"] == (0, 1)


def test_a_repeated_flow_is_sent_on_both_sides_of_its_change_and_judged_by_the_controls_of_the_second():
    play = Play()
    again = a_case("again", "backend-gone", "outlived", repeated=True)
    played = play.of(again)
    assert [line for line in play.diary if line.startswith(("send", "change"))] == [
        "send again",
        "change backend-gone",
        "send again",
    ]
    assert played.rounds == {"again": (1, 2)}
    assert [flow.case.id for flow in played.landed] == ["again", "again"]


def test_a_change_that_cannot_be_made_costs_its_own_cases():
    play = Play(problems={"endpoints-gone": "no rights"})
    played = play.of(a_case("one", "endpoints-gone", "emptied"), a_case("two", "endpoint-added", "scaled-up"))
    assert play.broken == {"one": "no rights"}
    assert [flow.case.id for flow in played.landed] == ["two"]


def test_what_came_of_a_change_goes_with_its_flow():
    play = Play(settled={"one": Settled(seconds=35.0, never=True)})
    played = play.of(a_case("a"), a_case("one", "endpoints-gone", "emptied"))
    by_name = {flow.case.id: flow for flow in played.landed}
    assert (by_name["one"].settled, by_name["one"].never) == (35.0, True)
    assert by_name["one"].bindings[CONVERGES_WITHIN] == "10"
    assert (by_name["a"].settled, by_name["a"].bindings) == (0.0, {})


def test_a_reading_is_taken_at_the_start_and_the_end_of_each_act():
    play = Play()
    reads = a_case("reads", after="backend-gone", service="outlived", protocol="tool", each_act=True)
    played = play.of(a_case("a"), reads, a_case("b", after="backend-gone", service="outlived"))
    assert play.diary == [
        *("read reads", "send a", "idle", "read reads"),
        *("change backend-gone", "control", "read reads", "send b", "read reads", "control"),
    ]
    (landed,) = (flow for flow in played.landed if flow.case is reads)
    assert [reading.moment for reading in landed.readings] == [
        f"at the {at} of act {act}" for act in (0, 1) for at in ("start", "end")
    ]
    assert (landed.bindings["same"], "landed" in landed.bindings) == (1, False)
    assert len({reading.bindings["landed"] for reading in landed.readings}) == 4
    assert landed.output == landed.readings[-1].output
    assert played.rounds["reads"] == (0, 2)


def test_a_reading_of_a_change_that_fails_says_why():
    play = Play(problems={"backend-gone": "not allowed"})
    reads = a_case("reads", after="backend-gone", service="outlived", protocol="tool", each_act=True)
    played = play.of(a_case("a"), reads)
    assert play.broken == {"reads": "not allowed"}
    assert [flow.case.id for flow in played.landed] == ["a"]


def test_nodes_are_read_while_streams_alone_go_on():
    play = Play()
    play.lingers = 2
    reads = a_case("reads", after="backend-gone", service="outlived", protocol="tool", each_act=True)
    played = play.of(reads)
    assert play.diary[-5:] == ["control", "drain", "read reads", "drain", "read reads"]
    (landed,) = played.landed
    assert [reading.moment for reading in landed.readings][-2:] == ["while streams went on after act 1"] * 2


def test_nodes_are_read_every_half_minute_while_flows_are_answered(monkeypatch):
    monkeypatch.setattr(flights_of_acts, "MEANWHILE", 0.0)
    play = Play(silent={"slow"})
    reads = a_case("reads", after="backend-gone", service="outlived", protocol="tool", each_act=True)
    played = play.of(a_case("slow"), reads)
    assert play.diary[:4] == ["read reads", "send slow", "idle", "read reads"]
    (landed,) = (flow for flow in played.landed if flow.case is reads)
    assert "during act 0" in [reading.moment for reading in landed.readings]


@pytest.mark.parametrize(
    ("limited", "decision", "others", "awaited"),
    [
        ("LIM-X", "", ["b"], ["b", "limited"]),
        ("LIM-X", "allowed", ["b"], ["b"]),
        ("LIM-X", "allowed", [], ["limited"]),
        (None, "allowed", ["b"], ["b", "limited"]),
    ],
    ids=["limitation", "skipped rule beside others", "skipped rule alone", "rule that is not skipped"],
)
def test_only_a_rule_that_an_engine_skips_is_not_awaited_and_only_beside_others(limited, decision, others, awaited):
    play = Play()
    case = replace(a_case("limited", "policies-made", decision=decision), limitation=limited)
    played = play.of(*(a_case(name, "policies-made", decision="denied") for name in others), case)
    assert play.awaited == awaited
    assert {flow.case.id for flow in played.landed} == {*others, "limited"}
