"""The table of options as Markdown, for docs/options.md (`tools/generated.py` writes it there)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from podwire.cli.options import COMMAND_OPTIONS
from podwire.running.option import Option
from podwire.running.options import RUN_OPTIONS

# The heading of each group of rows, by the first part of their field names.
_GROUPS = {
    "lab": "The lab",
    "cluster": "A real cluster",
    "selection": "What is run",
    "probes": "Probes and flows",
    "output": "What is written",
}
_HEAD = ("| option | what it is | default | valid in |", "|---|---|---|---|")


def options_markdown() -> str:
    """All options: those of runs in groups, then those of the other commands."""
    lines: list[str] = []
    for group, heading in _GROUPS.items():
        lines += _section(heading, (row for row in RUN_OPTIONS if row.field.partition(".")[0] == group))
    lines += _section("Options of other commands", COMMAND_OPTIONS)
    return "\n".join(lines)


def _section(heading: str, rows: Iterable[Option]) -> Iterator[str]:
    yield f"## {heading}"
    yield ""
    yield from _HEAD
    yield from map(_line, rows)
    yield ""


def _line(row: Option) -> str:
    flags = ", ".join(f"`{flag}`" for flag in (row.short, row.flag) if flag)
    shown = f"{flags[:-1]} {row.metavar}`" if row.metavar else flags
    often = {"": "", "repeatable": "; repeatable", "commas": "", "words": "; one or more", "pair": ""}[row.several]
    only = {"": "", "lab": "; lab only", "cluster": "; real cluster only"}[row.only_on]
    needs = f"; needs `{row.needs}`" if row.needs else ""
    left_out = "required" if row.required else f"`{row.default}`" if row.default else ""
    cells = (shown, f"{row.help}{often}{only}{needs}", left_out, ", ".join(row.commands))
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"
