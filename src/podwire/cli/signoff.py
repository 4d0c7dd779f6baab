"""Commands that sign a release off, and check that somebody did: `podwire signoff|verify`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from podwire.cli.runs import Command, add_gate_options, cannot_judge, gate_asked
from podwire.errors import UsageError


def add_signoff_commands(commands: Any, command: Command) -> None:
    """Add them to the command line; `command` makes one."""
    signoff = command(
        commands, "signoff", _signoff, "ask the gate, and when it accepts, pack and sign all that it rests on"
    )
    add_gate_options(signoff)
    signoff.add_argument("--key", metavar="FILE", type=Path, required=True, help="an SSH key to sign with")
    signoff.add_argument("-o", "--output", metavar="FILE", type=Path, required=True, help="the bundle, as .tar.gz")
    verify = command(
        commands, "verify", _verify, "check a bundle offline: signed and whole (0), refused (1), cannot check (2)"
    )
    verify.add_argument("bundle", metavar="BUNDLE", type=Path, help="what `podwire signoff` wrote")
    told = "who may sign (ssh-keygen(1), ALLOWED SIGNERS)"
    verify.add_argument("--allowed-signers", metavar="FILE", type=Path, required=True, help=told)
    verify.add_argument("--identity", metavar="NAME", help="it must be this one of them")
    verify.add_argument("--allow-emulated", action="store_true", help="take runs on the lab, to try it")
    laxer = "take a gate that was asked with laxer rules than podwire's own"
    verify.add_argument("--allow-lax-rules", action="store_true", help=laxer)


def _signoff(options: argparse.Namespace) -> int:
    from podwire.gating.gate import Refused
    from podwire.gating.waiver_file import WaiverError
    from podwire.reporting.gate_text import headline
    from podwire.signoff.make import sign_off
    from podwire.signoff.signatures import CannotSign

    baseline, candidate, rules = gate_asked(options)
    try:
        done = sign_off(
            baseline,
            candidate,
            rules,
            options.waivers,
            key=options.key,
            output=options.output,
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
    emulated = ", of the lab: it proves nothing about a cluster" if done.gate.emulated else ""
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
    told = found.manifest
    print(f"verify: {options.bundle}: complete, signed by {found.signer}, made {told.made} with podwire {told.podwire}")
    print(f"        {', '.join(told.candidate)} against {', '.join(told.baseline)}: {told.decision}, {told.headline}")
    return 0
