"""Tables of the docs that the code determines: outcomes, exit codes, decisions of the gate, profiles of the lab."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from podwire.content import suites_folder
from podwire.errors import EXIT_CODES
from podwire.gating.changes import Decision
from podwire.model.verdicts import Outcome
from podwire.reporting import allure_case, ctrf, junit, sonobuoy
from podwire.reporting.pages import MARKS
from podwire.reporting.words import MEANINGS, MISSING
from podwire.testing.case import STATUSES
from podwire.testing.markers import registered
from podwire_lab.model.profiles import PROFILES


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [f"| {' | '.join(cells)} |" for cells in (head, *rows)]
    return "\n".join([lines[0], "|---" * len(head) + "|", *lines[1:]]) + "\n"


def outcomes() -> str:
    head = ("", "outcome", "meaning", "pytest", "JUnit", "Allure", "CTRF", "Sonobuoy")
    rows = [
        (
            MARKS[outcome][1],
            f"**{outcome}**",
            MEANINGS[outcome],
            STATUSES[outcome],
            f"`{junit.ELEMENTS[outcome]}`" if junit.ELEMENTS[outcome] else "passed",
            allure_case.STATUS[outcome],
            ctrf.STATUS[outcome],
            sonobuoy.STATUS[outcome],
        )
        for outcome in Outcome
    ]
    rows.append((MARKS[MISSING][1], MISSING, MEANINGS[MISSING], "", "`error`", "broken", "failed", "failed"))
    return table(head, rows)


def exit_codes() -> str:
    return table(("exit code", "meaning"), [(str(code), text) for code, text in EXIT_CODES.items()])


def decisions() -> str:
    return table(("exit code", "decision"), [(str(decision.exit_code), str(decision)) for decision in Decision])


def markers() -> str:
    return table(("marker", "meaning"), [(f"`{name}`", words) for name, words in registered(suites_folder()).items()])


def profiles() -> str:
    modes: dict[str, list[str]] = {}
    for name, profile in PROFILES.items():
        modes.setdefault(profile.mode, []).append(f"`{name}`")
    return table(("network mode", "profiles"), [(mode, ", ".join(names)) for mode, names in modes.items()])
