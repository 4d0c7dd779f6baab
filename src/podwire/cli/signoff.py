"""Commands that sign a release off and verify the result: `podwire signoff|verify`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from podwire.cli.options import add_command
from podwire.cli.runs import SIDES, cannot_judge, gate_asked, only_run, rules_asked
from podwire.errors import UsageError


def add_signoff_commands(commands: Any) -> None:
    """Add the commands to the command line."""
    text = "ask the gate; if it accepts, pack the runs and its decision into a signed bundle"
    signoff = add_command(commands, "signoff", _signoff, text)
    signoff.add_argument("runs", metavar="RUN", type=Path, nargs="+", help=SIDES)
    text = "check a bundle offline: valid (exit code 0), refused (1), cannot check (2)"
    verify = add_command(commands, "verify", _verify, text)
    verify.add_argument("bundle", metavar="BUNDLE", type=Path, help="the file that `podwire signoff` wrote")


def _signoff(options: argparse.Namespace) -> int:
    from podwire.gating.changes import Refused
    from podwire.gating.waiver_file import WaiverError
    from podwire.reporting.gate_text import headline
    from podwire.signoff.make import sign_off
    from podwire.signoff.signatures import CannotSign

    baseline, candidate, rules = (
        ((), (only_run(options),), rules_asked(options)) if options.pools else gate_asked(options)
    )
    try:
        done = sign_off(
            baseline,
            candidate,
            rules,
            options.waivers,
            key=options.key,
            output=options.output,
            pools=options.pools or None,
            allow_emulated=options.allow_emulated,
        )
    except (ValueError, WaiverError, Refused) as problem:
        raise cannot_judge(problem) from problem
    except CannotSign as problem:
        raise UsageError(str(problem)) from problem
    except OSError as problem:
        raise UsageError(f"{problem.filename or options.output}: {problem.strerror}") from problem
    if not done.made:
        print(f"signoff: not signed: the gate says {done.gate.decision}: {headline(done.gate)}")
        return done.gate.decision.exit_code
    emulated = "; these are runs of the lab, which prove nothing about a cluster" if done.gate.emulated else ""
    print(f"signoff: {options.output}: {done.files} files, signed{emulated}")
    return 0


def _verify(options: argparse.Namespace) -> int:
    from podwire.signoff.signatures import CannotSign
    from podwire.signoff.verify import NotVerified, verified

    try:
        found = verified(
            options.bundle,
            options.allowed_signers,
            identity=options.identity,
            allow_emulated=options.allow_emulated,
            allow_lax_rules=options.allow_lax_rules,
        )
    except NotVerified as problem:
        for line in str(problem).splitlines():
            print(f"verify: refused: {options.bundle}: {line}", file=sys.stderr)
        return 1
    except CannotSign as problem:
        raise UsageError(str(problem)) from problem
    except OSError as problem:
        raise UsageError(f"{options.bundle}: {problem.strerror}") from problem
    manifest = found.manifest
    origin = f"made {manifest.made} with podwire {manifest.podwire}"
    print(f"verify: {options.bundle}: complete, signed by {found.signer}, {origin}")
    sides = f"{', '.join(manifest.candidate)} against {', '.join(manifest.baseline)}"
    if manifest.pools:
        old, new = manifest.pools
        sides = f"{', '.join(manifest.candidate)}, pool {new} against pool {old}"
    print(f"        {sides}: {manifest.decision}, {manifest.headline}")
    return 0
