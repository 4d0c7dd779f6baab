"""The command `podwire replay`: dated regressions of Windows networking, imitated on the lab and shown to the gate."""

from __future__ import annotations

import argparse
from typing import Any

from podwire.cli.options import add_command
from podwire.cli.output import output_folder, say


def add_replay_command(commands: Any) -> None:
    """Add it to the command line."""
    told = "replay known regressions of Windows networking on the lab, and say which the gate catches"
    replay = add_command(commands, "replay", _replay, told)
    replay.add_argument("names", nargs="*", metavar="REGRESSION", help="only these regressions")


def _replay(options: argparse.Namespace) -> int:
    from podwire.records.files import write_atomically
    from podwire.running.replay import Replay, chosen
    from podwire.running.replay_text import replay_json, replay_markdown, replay_text

    several = chosen(options.names)
    if options.list:
        for one in several:
            print(f"{one.id:26} {one.title} ({one.when})\n{'':26} {one.source}")
            print(f"{'':26} {'not shown: ' + one.unshown if one.unshown else 'on ' + one.profile}")
        return 0
    folder = output_folder(options.output, "replay")
    found = Replay(folder, say, whole=options.whole).replay(several)
    for name, text in (("replay.md", replay_markdown(found)), ("replay.json", replay_json(found))):
        write_atomically(folder / name, text)
    print(replay_text(found), end="")
    print(f"runs and results: {folder}")
    shown = [one for one in found if one.regression.shown]
    return 0 if all(one.by_gate for one in shown) else 1
