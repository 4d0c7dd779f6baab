"""Options on the command line: rows of commands that start no run, and the parser built from all rows.

`running.options` has the rows of runs. Both together are the table of docs/options.md.
"""

from __future__ import annotations

import argparse
import difflib
import re
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from podwire.cli.watch_options import WATCH_OPTIONS
from podwire.running import option_values as values
from podwire.running.option import Option
from podwire.running.options import RUN_OPTIONS, read_options, rows_of

Function = Callable[[argparse.Namespace], int]

_SIDES = ("gate", "signoff")

COMMAND_OPTIONS = (
    Option(
        flag="--wire",
        help="also put probes into the cluster and read facts from the packets of two flows",
        commands=("facts",),
    ),
    Option(
        flag="--areas",
        metavar="N",
        read=values.whole_number,
        several="words",
        help="only these chapters, by number",
        commands=("catalogue",),
    ),
    Option(
        flag="--in",
        metavar="RUN",
        read=values.path,
        field="run",
        help="the folder of the run; without it: the newest run of reports/runs",
        commands=("evidence",),
    ),
    Option(flag="--json", help="as JSON", commands=("facts", "plan", "doctor", "catalogue", "list", "judge", "flakes")),
    Option(
        flag="--write",
        metavar="DIR",
        read=values.path,
        help="keep the new verdicts: write a run of its own, with today's verdicts on the same observations, into this "
        "new folder",
        commands=("judge",),
    ),
    Option(
        flag="--list", help="only list the names, each with a description", commands=("profiles", "replay", "mutants")
    ),
    Option(
        flag="--from",
        metavar="RUN",
        read=values.path,
        several="repeatable",
        help="make the table from this stored run instead of a new one",
        commands=("profiles",),
        field="runs",
    ),
    Option(
        flag="--whole",
        help="run all cases each time, not only those that can notice the fault",
        commands=("mutants", "replay"),
    ),
    Option(
        flag="--output",
        short="-o",
        metavar="DIR",
        read=values.path,
        help="folder for runs and results; by default reports/COMMAND/TIME",
        commands=("profiles", "replay"),
    ),
    Option(
        flag="--output",
        short="-o",
        metavar="FILE",
        read=values.path,
        help="write to this file, and print only the decision",
        commands=("gate",),
    ),
    Option(
        flag="--output",
        short="-o",
        metavar="FILE",
        read=values.path,
        required=True,
        help="the page to write (HTML)",
        commands=("compare",),
    ),
    Option(
        flag="--output",
        short="-o",
        metavar="FILE",
        read=values.path,
        required=True,
        help="the bundle to write (.tar.gz)",
        commands=("signoff",),
    ),
    Option(
        flag="--output",
        short="-o",
        metavar="FILE",
        read=values.path,
        default="agent.pyz",
        help="the file to write",
        commands=("agent",),
    ),
    Option(
        flag="--format",
        metavar="text|json|markdown",
        read=values.one_of(("text", "json", "markdown")),
        default="text",
        help="format of the output",
        commands=("gate",),
    ),
    Option(
        flag="--candidate",
        metavar="RUN",
        read=values.path,
        several="words",
        help="the candidates, if there are several; all other runs are the baseline",
        commands=_SIDES,
    ),
    Option(
        flag="--waivers",
        metavar="FILE",
        read=values.path,
        help="YAML file of failures that have an owner and an expiry date",
        commands=_SIDES,
    ),
    Option(
        flag="--risk",
        metavar="SHARE",
        read=values.share,
        default="0.001",
        help="accepted probability of a false difference, a wrong interval or a missed flake",
        commands=(*_SIDES, "flakes"),
    ),
    Option(
        flag="--min-loss",
        metavar="SHARE",
        read=values.share,
        default="0.05",
        help="smallest rise of the loss rate that counts",
        commands=_SIDES,
    ),
    Option(
        flag="--min-slower",
        metavar="TIMES",
        read=values.factor,
        default="2",
        help="smallest rise of latency that counts, as a factor",
        commands=_SIDES,
    ),
    Option(flag="--allow-emulated", help="accept runs of the lab, to try the command", commands=(*_SIDES, "verify")),
    Option(
        flag="--pools",
        metavar="OLD NEW",
        several="pair",
        help="compare two pools of nodes within one run, which had --pool twice",
        commands=_SIDES,
    ),
    Option(
        flag="--key",
        metavar="FILE",
        read=values.path,
        required=True,
        help="the SSH key to sign with",
        commands=("signoff",),
    ),
    Option(
        flag="--allowed-signers",
        metavar="FILE",
        read=values.path,
        required=True,
        help="the file of allowed signers (ssh-keygen(1), ALLOWED SIGNERS)",
        commands=("verify",),
    ),
    Option(flag="--identity", metavar="NAME", help="the signer must have this name in that file", commands=("verify",)),
    Option(
        flag="--allow-lax-rules",
        help="accept a bundle whose gate had laxer rules than podwire's own",
        commands=("verify",),
    ),
    Option(flag="--run", metavar="ID", help="only this run", commands=("cleanup",)),
    Option(
        flag="--older-than",
        metavar="AGE",
        read=values.age,
        default="0",
        help="only runs at least this old: 90s, 15m, 2h, 1d",
        commands=("cleanup",),
    ),
    Option(flag="--dry-run", help="only print what would be removed", commands=("cleanup",)),
    *WATCH_OPTIONS,
)

TABLE = (*RUN_OPTIONS, *COMMAND_OPTIONS)


class Parser(argparse.ArgumentParser):
    """argparse with one line for each mistake."""

    def read(self, words: Sequence[str]) -> argparse.Namespace:
        """The arguments of the command that the words name. Ends the process with exit code 2 for a mistake."""
        options, unknown = self.parse_known_args(words)
        if unknown:
            near = difflib.get_close_matches(
                unknown[0].partition("=")[0], [row.flag for row in rows_of(options.command, TABLE)]
            )
            guess = f"; did you mean {' or '.join(near)}?" if near else ""
            self.error(f"{options.command}: {unknown[0]}: unknown{guess}", options.command)
        return options

    def error(self, message: str, command: str = "") -> NoReturn:
        message = message.replace("the following arguments are required:", "missing:")
        if wrong := re.fullmatch(r"argument \S+: invalid choice: '(.*)' \(choose from (.*)\)", message):
            names = re.findall(r"[\w-]+", wrong[2])
            near = difflib.get_close_matches(wrong[1], names)
            guess = f"did you mean {' or '.join(near)}?" if near else f"use one of: {', '.join(names)}"
            message = f"{wrong[1]}: unknown command; {guess}"
        self.exit(2, f"podwire: {message}; see {' '.join(filter(None, (self.prog, command)))} --help\n")


def add_command(commands: Any, name: str, function: Function, text: str) -> argparse.ArgumentParser:
    """A command with all its options from the table; `name` is `lab up` for a subcommand."""
    shown = f"{text[0].upper()}{text[1:]}."
    parser: argparse.ArgumentParser = commands.add_parser(name.rsplit(maxsplit=1)[-1], help=text, description=shown)
    parser.set_defaults(function=function, command=name)
    for row in rows_of(name, TABLE):
        arguments = row.declaration() | ({"required": True} if row.required else {})
        parser.add_argument(*filter(None, (row.short, row.flag)), dest=row.flag, **arguments)
    return parser


def with_values(options: argparse.Namespace) -> argparse.Namespace:
    """The arguments of a command, with the value of each option as an attribute; `values` has the values by flag, and
    `texts` the words as written.

    Raises:
        UsageError: a value is wrong, or two options exclude each other.
    """
    rows = rows_of(options.command, TABLE)
    texts = {row.flag: getattr(options, row.flag) for row in rows}
    namespace = argparse.Namespace(texts=texts, values=read_options(rows, texts))
    for name, value in vars(options).items():
        if name not in texts:
            setattr(namespace, name, value)
    for row in rows:
        name = row.field if row.field and "." not in row.field else row.flag.removeprefix("--").replace("-", "_")
        setattr(namespace, name, namespace.values[row.flag])
    return namespace
