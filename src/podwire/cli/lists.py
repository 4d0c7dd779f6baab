"""The command `podwire list`: the names that options and commands take, each with a line that says what it is."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from podwire.cli.options import add_command
from podwire.cli.output import suites_as_input
from podwire.running.option_values import require_names, windows_releases

Names = Mapping[str, str]
"""What each name is, by name."""


def add_list_command(commands: Any) -> None:
    """Add the command to the command line."""
    text = f"list the names that options take: {', '.join(SUBJECTS)}"
    add_command(commands, "list", _list, text).add_argument("subject", metavar="WHAT", help=" | ".join(SUBJECTS))


def _list(options: argparse.Namespace) -> int:
    require_names("list", (options.subject,), SUBJECTS)
    with suites_as_input():
        names = SUBJECTS[options.subject]()
    if options.json:
        import json

        print(json.dumps(dict(names), indent=1, ensure_ascii=False))
        return 0
    width = max(map(len, names))
    for name, meaning in names.items():
        print(f"{name:{width}}  {meaning}")
    return 0


def _areas() -> Names:
    from podwire.catalogue.load import load_catalogue
    from podwire.content import suites_folder

    catalogue = load_catalogue(suites_folder())
    counts = Counter(rule.area for rule in catalogue.requirements.values())
    return {
        area: f"{title}, {counts[area]} requirement{'s' * (counts[area] != 1)}"
        for area, title in catalogue.areas.items()
    }


def _requirements() -> Names:
    from podwire.catalogue.load import load_catalogue
    from podwire.content import suites_folder

    rules = load_catalogue(suites_folder()).requirements.values()
    return {rule.id: f"{rule.level}: {rule.statement}" for rule in rules}


def _limitations() -> Names:
    from podwire.catalogue.load import load_catalogue
    from podwire.content import suites_folder

    return {limit.id: limit.statement for limit in load_catalogue(suites_folder()).limitations}


def _profiles() -> Names:
    from podwire_lab.model.profiles import PROFILES

    return {name: profile.summary for name, profile in PROFILES.items()}


def _faults() -> Names:
    from podwire_lab.faults.registry import FAULTS

    return {name: fault.summary for name, fault in FAULTS.items()}


def _variations() -> Names:
    from podwire_lab.model.variations import VARIATIONS

    return {name: variation.summary for name, variation in VARIATIONS.items()}


def _kinds() -> Names:
    named = {name: f"a node with Windows of build {build}" for name, build in windows_releases().items()}
    return {
        "linux": "a node with Linux",
        "windows": "a node with Windows of any release",
        **named,
        "windows-BUILD[.REVISION]": "a node with this build of Windows, such as windows-20348.2762",
        "KEY=VALUE[,KEY=VALUE]": "a node with all of these labels",
    }


SUBJECTS: Mapping[str, Callable[[], Names]] = {
    "areas": _areas,
    "requirements": _requirements,
    "limitations": _limitations,
    "profiles": _profiles,
    "variations": _variations,
    "faults": _faults,
    "kinds": _kinds,
}
"""`kinds` are the kinds of nodes that `--require` takes."""
