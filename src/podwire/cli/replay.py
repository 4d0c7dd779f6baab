"""The command `podwire replay`: known regressions of Windows networking, emulated on the lab and put before the
gate."""

from __future__ import annotations

import argparse
from typing import Any

from podwire.cli.options import add_command
from podwire.cli.output import output_folder, say


def add_replay_command(commands: Any) -> None:
    """Add the command to the command line."""
    text = "replay known regressions of Windows networking on the lab, and show which the gate catches"
    replay = add_command(commands, "replay", _replay, text)
    replay.add_argument("names", nargs="*", metavar="REGRESSION", help="only these regressions")


def _replay(options: argparse.Namespace) -> int:
    from podwire.records.files import write_atomically
    from podwire.running.replay.replay import Replay, chosen
    from podwire.running.replay.text import replay_json, replay_markdown, replay_text

    regressions = chosen(options.names)
    if options.list:
        for regression in regressions:
            print(f"{regression.id:26} {regression.title} ({regression.when})\n{'':26} {regression.source}")
            print(f"{'':26} {'not shown: ' + regression.unshown if regression.unshown else 'on ' + regression.profile}")
        return 0
    folder = output_folder(options.output, "replay")
    replays = Replay(folder, say, whole=options.whole).replay(regressions)
    for name, text in (("replay.md", replay_markdown(replays)), ("replay.json", replay_json(replays))):
        write_atomically(folder / name, text)
    print(replay_text(replays), end="")
    print(f"runs and results: {folder}")
    shown = [result for result in replays if result.regression.shown]
    return 0 if all(result.by_gate for result in shown) else 1
