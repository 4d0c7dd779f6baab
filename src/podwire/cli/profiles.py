"""The command `podwire profiles`: the suite on every profile of the lab, as one table."""

from __future__ import annotations

import argparse
from typing import Any

from podwire.cli.options import add_command
from podwire.cli.output import output_folder, say


def add_profiles_command(commands: Any) -> None:
    """Add the command to the command line."""
    text = "run the suites on every profile of the lab, and write one table, profile × requirement"
    profiles = add_command(commands, "profiles", _profiles, text)
    profiles.add_argument("names", nargs="*", metavar="PROFILE", help="only these profiles")


def _profiles(options: argparse.Namespace) -> int:
    from podwire.catalogue.load import load_catalogue
    from podwire.content import suites_folder
    from podwire.platforms.profiles import profile_of
    from podwire.records.files import write_atomically
    from podwire.reporting.profiles import NAME, profiles_html, profiles_text, table
    from podwire.running.option_values import require_names
    from podwire.running.profiles import chosen, in_order, read_runs, run_profiles
    from podwire_lab.model.profiles import PROFILES

    names = chosen(options.names, list(PROFILES))
    if options.list:
        for name in names:
            print(f"{name:26} {PROFILES[name].summary}\n{'':26} {PROFILES[name].source}")
        return 0
    catalogue = load_catalogue(suites_folder())
    require_names("--area", options.area, catalogue.areas)
    folder = output_folder(options.output, "profiles")
    if options.runs:
        runs = read_runs(options.runs, lambda record: profile_of(record.facts))
    else:
        runs = run_profiles(names, folder, say, more=[word for area in options.area for word in ("--area", area)])
    records = in_order(runs.records, list(PROFILES))
    if records:
        rows = [row for row in table(records, catalogue) if not options.area or row.area in options.area]
        write_atomically(folder / NAME, profiles_html(records, rows))
        print(profiles_text(records, rows), end="")
        print(f"page: {folder / NAME}")
    for name, why in runs.problems.items():
        print(f"no result for profile {name}: {why}")
    return runs.exit_code
