"""Names the fixture modules: every fixtures/*_fixtures.py. Options and hooks: podwire.testing."""

from pathlib import Path

pytest_plugins = sorted(path.stem for path in (Path(__file__).parent / "fixtures").glob("*_fixtures.py"))
