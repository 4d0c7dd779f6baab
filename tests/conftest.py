"""Options and paths of podwire's own tests."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "unit"))


def pytest_addoption(parser):
    parser.addoption("--update-golden", action="store_true", help="write the golden files anew")
