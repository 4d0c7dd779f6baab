"""Options and paths of podwire's own tests."""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "helpers"))

if sys.dont_write_bytecode:
    # Each of the hundred processes that tests start would compile all that it imports: pytest alone takes two seconds.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ["PYTHONPYCACHEPREFIX"] = str(Path(__file__).parents[1] / ".tools" / "pycache")


def pytest_addoption(parser):
    parser.addoption("--update-golden", action="store_true", help="write the golden files anew")
    parser.addoption(
        "--moments", type=int, default=6, help="how many moments at which tests/faults/test_killed.py ends a run"
    )
    parser.addoption(
        "--losses",
        type=int,
        default=3,
        help="how often tests/lab/runs/test_lossy_captures.py loses frames of each kind",
    )
