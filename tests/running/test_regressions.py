"""The dated regressions as data: what every one of them needs, and that a mistake in the file is one line."""

import pytest

from podwire.catalogue.load import load_catalogue
from podwire.content import suites_folder
from podwire.running.regressions import RegressionError, load_regressions
from podwire_lab.faults.registry import FAULTS
from podwire_lab.model.profiles import profile_named

REGRESSIONS = load_regressions()
SHOWN = [regression for regression in REGRESSIONS if regression.shown]
WHOLE = "id: a, title: b, when: c, symptom: d, source: https://example.com"
FAULT = "faults: [dns-some-lost]"


@pytest.mark.parametrize("regression", SHOWN, ids=lambda regression: regression.id)
def test_a_regression_that_is_shown_has_requirements_that_may_notice_it(regression):
    named = {*regression.notices, *(rule for fault in regression.faults for rule in FAULTS[fault].kills)}
    assert named
    assert named <= set(load_catalogue(suites_folder()).requirements)
    for build in (regression.before, regression.after):
        profile_named(regression.profile, dsr=regression.dsr, build=build)


def test_a_regression_that_is_not_shown_says_why_and_has_nothing_that_makes_it():
    hidden = [regression for regression in REGRESSIONS if not regression.shown]
    assert hidden
    assert all(regression.unshown and not regression.faults for regression in hidden)


@pytest.mark.parametrize(
    ("entry", "complaint"),
    [
        ("id: a", "regressions a, title: missing"),
        (f"{WHOLE}, {FAULT}, colour: red", "regressions a, colour: unknown field"),
        (f"{WHOLE}, faults: [nothing]", "regressions a, faults: 'nothing' is unknown; `podwire mutants --list`"),
        (f"{WHOLE}, faults: [dns-some]", "regressions a, faults: 'dns-some' is unknown; did you mean dns-some-lost"),
        (f"{WHOLE}, faults: dns-some-lost", "regressions a, faults: needs a list, found 'dns-some-lost'"),
        (f"{WHOLE}, faults: [vni-below-4096], profile: nat", "faults: vni-below-4096 does not apply to profile nat"),
        (f"{WHOLE}, {FAULT}, profile: other", "regressions a, profile: 'other' is unknown; use one of: "),
        (f"{WHOLE}, {FAULT}, dsr: maybe", "regressions a, dsr: needs true or false, found 'maybe'"),
        (f"{WHOLE}, {FAULT}, before: 20348.10", "regressions a, before: needs text, found 20348.1"),
        (f"{WHOLE}, {FAULT}, after: '1.2'", "regressions a, after: unknown Windows build '1.2'"),
        (WHOLE, "regressions a: needs either a cause"),
        (f"{WHOLE}, {FAULT}, unshown: why", "regressions a: needs either a cause"),
        (WHOLE.replace("https://", "") + f", {FAULT}", "regressions a, source: needs a web address (https://...)"),
        (f"{WHOLE}, {FAULT}}}, {{{WHOLE}, {FAULT}", "regressions a, id: a is defined twice"),
    ],
)
def test_a_mistake_is_one_line_with_file_entry_and_field(tmp_path, entry, complaint):
    path = tmp_path / "regressions.yaml"
    path.write_text(f"regressions: [{{{entry}}}]\n")
    with pytest.raises(RegressionError) as caught:
        load_regressions(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert complaint in str(caught.value)
    assert "\n" not in str(caught.value)
