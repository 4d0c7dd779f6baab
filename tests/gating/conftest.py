"""Runs that their own observations bear out, for tests that judge again."""

from suites_of_a_day import run, suites

__all__ = ["run", "suites"]
