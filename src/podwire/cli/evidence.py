"""The command `podwire evidence`: the packets of one case of a run."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from podwire.cli.options import add_command
from podwire.errors import UsageError


def add_evidence_command(commands: Any) -> None:
    """Add the command to the command line."""
    text = "show the kept packets of a case field by field, and which of them decided"
    evidence = add_command(commands, "evidence", _evidence, text)
    evidence.add_argument("case", metavar="CASE", help="the id of a case; quote it, for it has brackets")
    help_of_point = "a capture point, such as client-node; otherwise the points that decided"
    evidence.add_argument("point", metavar="POINT", nargs="?", default="", help=help_of_point)


def _evidence(options: argparse.Namespace) -> int:
    from podwire.catalogue.load import CatalogueError
    from podwire.planning.plan import PlanError
    from podwire.reporting.case_packets.case_evidence import evidence_text

    try:
        for line in evidence_text(options.run or newest_run(), options.case, options.point):
            print(line)
    except (ValueError, CatalogueError, PlanError) as problem:
        raise UsageError(str(problem)) from problem
    return 0


def newest_run() -> Path:
    """The folder of the run that ended last. `UsageError` if there is none."""
    from podwire.content import runs_folder
    from podwire.records.files import NAME

    records = sorted(runs_folder().glob(f"*/{NAME}"), key=lambda file: file.stat().st_mtime)
    if not records:
        raise UsageError(f"evidence: {runs_folder()} has no run; name its folder with --in RUN")
    return records[-1].parent
