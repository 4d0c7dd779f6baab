"""Regression replay: the list itself, what a plain connect check says, and what is counted as caught."""

import json

from observed import attempts
from records_for_tests import case, record

from podwire.cli import main as cli
from podwire.gating.gate import Change, Deciding, Decision, Kind
from podwire.model.verdicts import Outcome
from podwire.records.observations import Exchanges
from podwire.running.connect_check import connects, newly_lost
from podwire.running.regressions import load_regressions
from podwire.running.replay import Replayed
from podwire.running.replay_text import counts, replay_json, replay_markdown, replay_text

REGRESSIONS = load_regressions()
SHOWN = [one for one in REGRESSIONS if one.shown]
CHANGE = Change(
    case_id="services/SVC-NODEPORT-EQ-PORT[tcp-v4]",
    kind=Kind.REGRESSION,
    rejects=True,
    before="pass",
    after="fail",
    deciding=(Deciding(run="r", expected="an answer", actual="none", where="client-pod"),),
)


def replayed(decision=Decision.REJECT, lost=0, **changes):
    known = {"said": "1 regression", "decides": CHANGE, "connect_lost": lost, "connect_asked": 40}
    return Replayed(regression=SHOWN[0], decision=decision, **{**known, **changes})


def asked(*several):
    """A record of TCP flows, and their attempts, as (case id, ends)."""
    cases = [case(Outcome.PASS, requirement="FLOW-POD-SVC-CLUSTER-IP", words=words) for words, _ in several]
    told = [
        Exchanges(case_id=one.id, round=0, attempts=attempts(*ends))
        for one, (_, ends) in zip(cases, several, strict=True)
    ]
    return connects(record(*cases), told)


def test_a_connect_check_is_content_with_any_answer_and_asks_tcp_only():
    found = asked(
        ("tcp-v4-linux-windows-cross-node", ["somebody-else"]),
        ("tcp-v6-linux-windows-cross-node", ["x", "-timeout"]),
        ("udp-v4-linux-windows-cross-node", ["-timeout"]),
    )
    assert list(found.values()) == [True, False]


def test_it_turns_red_for_what_worked_before_and_does_not_now_or_could_not_be_asked():
    assert newly_lost({"a": True, "b": False, "c": True, "d": True}, {"a": True, "b": False, "c": False}) == ["c", "d"]


def test_only_a_reject_is_caught_and_what_is_not_shown_is_not_counted():
    several = [
        replayed(lost=3),
        replayed(decision=Decision.CANNOT_JUDGE),
        replayed(decision=Decision.ACCEPT),
        Replayed(regression=SHOWN[0], problem="the run gave no verdicts"),
        Replayed(regression=next(one for one in REGRESSIONS if not one.shown)),
    ]
    assert counts(several) == ("the gate caught 1 of 4, a plain connect check 1 of 4; the lab cannot show 1 more")
    text = replay_text(several)
    assert text.count("\ncaught ") + text.startswith("caught ") == 1
    assert text.count("MISSED ") == 3
    assert "red: 3 of 40 connects fail" in text
    assert "no evidence about Windows" in text


def test_markdown_and_json_say_the_same():
    several = [replayed()]
    assert "| **reject**: 1 regression<br>`services/SVC-NODEPORT-EQ-PORT[tcp-v4]` |" in replay_markdown(several)
    tree = json.loads(replay_json(several))
    assert tree["regressions"][0]["decision"] == "reject"
    assert tree["summary"] == counts(several)


def test_the_list_needs_no_lab(capsys):
    assert cli.main(["replay", "--list"]) == 0
    said = capsys.readouterr().out
    assert all(one.id in said and one.source in said for one in REGRESSIONS)


def test_an_unknown_regression_is_one_line(capsys):
    assert cli.main(["replay", "nothing"]) == 2
    assert capsys.readouterr().err.startswith("podwire: replay: nothing: unknown; use one of: ")


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert cli.main(["replay", "hairpin", "-o", str(tmp_path / "file" / "x")]) == 2
    assert "Not a directory" in capsys.readouterr().err
