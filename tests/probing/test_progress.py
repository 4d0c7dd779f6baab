"""Words of the lines that say how far a run is."""

from __future__ import annotations

import pytest

from podwire.probing.progress import counted


@pytest.mark.parametrize(("number", "text"), [(0, "0 cases"), (1, "1 case"), (2, "2 cases")])
def test_a_number_of_cases_has_the_right_ending(number, text):
    assert counted(number, "case") == text
