"""The file of waivers: what is read, and what is one line for its author."""

from datetime import date

import pytest

from podwire.gating.waiver_file import WaiverError, load_waivers
from podwire.gating.waivers import Waiver

GOOD = """waivers:
  - case: services/SVC-HAIRPIN[tcp-v4-windows-*]
    owner: net team
    link: https://example.com/issues/1
    reason: The image of June drops hairpin packets.
    expires: 2026-06-30
    symptom: timeout at connect
"""


@pytest.fixture
def loaded(tmp_path):
    def load(text):
        path = tmp_path / "waivers.yaml"
        path.write_text(text)
        return load_waivers(path)

    return load


def test_a_waiver_is_read(loaded):
    assert loaded(GOOD) == (
        Waiver(
            case="services/SVC-HAIRPIN[tcp-v4-windows-*]",
            owner="net team",
            link="https://example.com/issues/1",
            reason="The image of June drops hairpin packets.",
            expires=date(2026, 6, 30),
            symptom="timeout at connect",
        ),
    )
    assert loaded(GOOD.replace("2026-06-30", "'2026-06-30'")) == loaded(GOOD)
    assert loaded("waivers: []\n") == ()


def test_brackets_stand_for_themselves_and_a_star_for_any_text(loaded):
    [one] = loaded(GOOD)
    assert one.fits("services/SVC-HAIRPIN[tcp-v4-windows-windows-itself]")
    assert not one.fits("services/SVC-HAIRPIN[udp-v4-windows-windows-itself]")
    assert not one.fits("services/SVC-HAIRPINt")


def test_a_symptom_is_found_whatever_its_case_and_spaces(loaded):
    [one] = loaded(GOOD)
    assert one.shown_in(["x", "a Timeout  at\nconnect after 4 s"])
    assert not one.shown_in(["refused at connect"])


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (GOOD.replace("    owner: net team\n", ""), "waivers entry 1, owner: missing"),
        (GOOD.replace("net team", "''"), "waivers entry 1, owner: needs text"),
        (GOOD + "    mood: bad\n", r"waivers entry 1, mood: unknown field; known fields: case, owner, link"),
        (
            GOOD.replace("2026-06-30", "soon"),
            "waivers entry 1, expires: needs a date \\(2026-12-31\\), found 'soon'",
        ),
        (
            GOOD.replace("2026-06-30", "2026-06-30 10:00:00"),
            "waivers entry 1, expires: needs a date \\(2026-12-31\\), found '2026-06-30 10:00:00'",
        ),
        (GOOD.replace("https://example.com/issues/1", "ask Bob"), "link: needs a web address, found 'ask Bob'"),
        (GOOD.replace("timeout at connect", "timeout"), "symptom: 'timeout' fits too many failures"),
        (GOOD + GOOD.partition("\n")[2], "waivers: services/SVC-HAIRPIN.* is in the file twice"),
        ("waivers: {}\n", "waivers: needs a list, found a mapping"),
        ("waivers: [x]\n", "waivers entry 1: needs a mapping, found 'x'"),
        ("", "needs a mapping, found nothing"),
        ("a: [\n", "not valid YAML"),
    ],
    ids=range(12),
)
def test_what_is_wrong_is_one_line_that_names_the_place(loaded, text, complaint):
    with pytest.raises(WaiverError, match=complaint) as caught:
        loaded(text)
    assert "waivers.yaml: " in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there_is_one_line(tmp_path):
    with pytest.raises(WaiverError, match="cannot be read: No such file"):
        load_waivers(tmp_path / "none.yaml")
