"""An interrupt ends a session with exit code 2 at whichever instruction it arrives."""

import json

import pytest
from fake_run import TESTS, lay_out
from test_outcomes import FIXTURES, HELPERS

pytest_plugins = ["pytester"]

# A signal seldom meets an instruction without a line; in this function none has one (CPython: code object locations).
INTERRUPTED = """
def interrupted():
    raise KeyboardInterrupt

NO_LOCATION, MOST = 15, 8
units = len(interrupted.__code__.co_code) // 2
lengths = [MOST] * (units // MOST) + ([units % MOST] if units % MOST else [])
table = bytes(0x80 | NO_LOCATION << 3 | length - 1 for length in lengths)
interrupted.__code__ = interrupted.__code__.replace(co_linetable=table)
"""


@pytest.mark.parametrize("place", ["while podwire plans", "in a test"])
def test_an_interrupt_at_an_instruction_without_a_line_ends_with_2(pytester, place):
    tests = TESTS + INTERRUPTED
    if place == "in a test":
        tests = tests.replace("def test_two(flow, case):", "def test_two(flow, case):\n    interrupted()")
    else:
        tests += "\ninterrupted()\n"
    lay_out(pytester, HELPERS, FIXTURES, {}, tests)
    result = pytester.runpytest_subprocess("suites")
    assert result.ret == 2
    assert "TypeError" not in result.stdout.str() + result.stderr.str()
    if place == "while podwire plans":
        assert result.stderr.str().strip().splitlines()[-1] == "podwire: interrupted"
        assert "Traceback" not in result.stderr.str()
    else:
        assert json.loads((pytester.path / "run" / "run.json").read_text())["interrupted"]
