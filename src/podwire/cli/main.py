"""The command line: `podwire COMMAND`, from `facts`, `plan` and `run` to `gate`, `signoff` and `cleanup`.

Exit codes: 0 all cases judged and none failed, 1 failures, 2 usage or input or an interrupt, 3 the cluster could not be
used, 10 only inconclusive. A user's mistake is one line on stderr, never a traceback. A reader that closes the pipe
(`podwire run | head`) does not change the exit code.

The commands are imported inside `main`, because that takes the most time of a start: Ctrl-C in it is one line, too.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:  # As typing has it, without the time of its import.
    from collections.abc import Sequence

    from podwire.cli.options import Parser

INTERRUPTED = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the exit code."""
    try:
        from podwire.running.standard_streams import net_below, place_net

        if arguments is None:
            place_net()  # A command line of its own keeps the net until the process ends.
            return _run(sys.argv[1:])
        with net_below():
            return _run(arguments)
    except KeyboardInterrupt:
        print("podwire: interrupted", file=sys.stderr)
        return INTERRUPTED


def _run(arguments: Sequence[str]) -> int:
    from podwire.cli.options import with_values
    from podwire.errors import PodwireError

    try:
        # argparse ends the process itself: 2 for usage, 0 after --help and --version.
        options = parser().read(arguments)
        return int(options.function(with_values(options)))
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 2
    except PodwireError as problem:
        print(f"podwire: {problem}", file=sys.stderr)
        return problem.exit_code


def parser() -> Parser:
    """All commands and their options."""
    from podwire import __version__
    from podwire.cli.agent import add_agent_command
    from podwire.cli.cleanup import add_cleanup_command
    from podwire.cli.completion import add_completion_command
    from podwire.cli.doctor import add_doctor_command
    from podwire.cli.evidence import add_evidence_command
    from podwire.cli.lab import add_lab_commands
    from podwire.cli.lists import add_list_command
    from podwire.cli.mutants import add_mutants_command
    from podwire.cli.options import Parser
    from podwire.cli.plan import add_plan_commands
    from podwire.cli.profiles import add_profiles_command
    from podwire.cli.replay import add_replay_command
    from podwire.cli.run import add_run_command
    from podwire.cli.runs import add_runs_commands
    from podwire.cli.signoff import add_signoff_commands
    from podwire.cli.watch import add_watch_command

    parser = Parser(
        prog="podwire", description="Packet-level conformance of Kubernetes networking with Windows and Linux nodes."
    )
    parser.add_argument("--version", action="version", version=f"podwire {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for add in (
        add_plan_commands,
        add_list_command,
        add_doctor_command,
        add_run_command,
        add_runs_commands,
        add_evidence_command,
        add_signoff_commands,
        add_watch_command,
        add_lab_commands,
        add_profiles_command,
        add_replay_command,
        add_mutants_command,
        add_cleanup_command,
        add_agent_command,
    ):
        add(commands)
    add_completion_command(commands, lambda: parser)
    return parser


if __name__ == "__main__":
    sys.exit(main())
