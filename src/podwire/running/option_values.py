"""Readers of option texts: each takes the text of an option and returns its value.

A reader raises ValueError with what is wrong and what is admitted; the caller puts the option's name before it. Readers
that say so raise `UsageError` with the whole line. Slow modules are imported inside the reader that needs them, because
every pytest run in podwire's environment loads the table of options.
"""

from __future__ import annotations

import difflib
import math
import re
import shlex
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from podwire.errors import UsageError

if TYPE_CHECKING:
    from podwire.model.facts import ExternalHost
    from podwire.planning.required import NodeKind
    from podwire.planning.selectors import Pool, Selector
    from podwire.platforms.stated import StatedFacts

Read = Callable[[str], Any]
MOST_DIGITS = 9
A_FEW = 5
MOST_LISTED = 30
_DURATION = re.compile(r"(?:([0-9]{1,4})h)?(?:([0-9]{1,4})m)?(?:([0-9]{1,5})s)?|([0-9]{1,5})")


def known_name(text: str, names: Iterable[str], listed_by: str = "") -> str:
    """The text, if it is one of the names.

    ValueError otherwise: it lists the similar names, or all names. For more than 30 names it gives the command that
    lists them (`listed_by`).
    """
    admitted = list(names)
    if text in admitted:
        return text
    near = difflib.get_close_matches(text, admitted, cutoff=0.7) if len(admitted) > A_FEW else []
    if near:
        raise ValueError(f"unknown; did you mean {' or '.join(near)}?")
    if listed_by and len(admitted) > MOST_LISTED:
        raise ValueError(f"unknown; `{listed_by}` lists all {len(admitted)}")
    raise ValueError(f"unknown; use one of: {', '.join(admitted)}")


def require_names(option: str, texts: Iterable[str], names: Iterable[str], listed_by: str = "") -> None:
    """Raise `UsageError` for the first text that is not one of the names. `option` is the option or command."""
    admitted = list(names)
    for text in texts:
        try:
            known_name(text, admitted, listed_by)
        except ValueError as problem:
            raise UsageError(f"{option} {text}: {problem}") from None


def port_ranges(text: str) -> tuple[str, ...]:
    """Ranges of ports with commas between them, in order: such as Windows can be told.

    Windows takes no range that starts below 1025 and none of fewer than 255 ports (Microsoft: the default dynamic port
    range for TCP/IP).
    """
    from podwire.model.addressing.port_ranges import LEAST_OF_WINDOWS, LOWEST_OF_WINDOWS, bounds, in_order

    ranges = in_order(part.strip() for part in text.split(","))
    if bounds(ranges[0])[0] < LOWEST_OF_WINDOWS:
        raise ValueError(f"Windows has no such port to give: {LOWEST_OF_WINDOWS} is the lowest")
    if sum(last - first + 1 for first, last in map(bounds, ranges)) < LEAST_OF_WINDOWS:
        raise ValueError(f"too few ports: Windows needs {LEAST_OF_WINDOWS} or more")
    return ranges


def one_of(values: Mapping[str, Any] | Iterable[str]) -> Read:
    """A reader that admits these words only. A mapping gives the value of each word."""
    of_word = dict(values) if isinstance(values, Mapping) else {word: word for word in values}
    return lambda text: of_word[known_name(text, of_word)]


def namespace(text: str) -> str:
    """The name of a namespace."""
    if not re.fullmatch(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", text):
        raise ValueError("must be the name of a namespace: at most 63 lower-case letters, digits and dashes")
    return text


def whole_number(text: str) -> int:
    """A whole number, 1 or more."""
    if not (text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS and int(text) >= 1):
        raise ValueError("must be a whole number, 1 or more")
    return int(text)


def _number(text: str, needed: str, admitted: Callable[[float], bool]) -> float:
    try:
        number = float(text) if text.isascii() else math.nan
    except ValueError:
        number = math.nan
    if not (math.isfinite(number) and admitted(number)):
        raise ValueError(needed)
    return number


def seconds(text: str) -> float:
    """A time in seconds, with or without an `s`, more than 0 and at most 3600: probes live for an hour."""
    return _number(
        text.removesuffix("s"),
        "must be a number of seconds, more than 0 and at most 3600",
        lambda number: 0 < number <= 3600,
    )


def duration(text: str) -> float:
    """The seconds of `4m30s`, `45s`, `1h` or a plain number, at most an hour."""
    match = _DURATION.fullmatch(text)
    if match is None or not any(match.groups()):
        raise ValueError("must be a time such as 4m30s, 45s or 1h")
    hours, minutes, seconds, plain = (int(part or 0) for part in match.groups())
    total = 3600 * hours + 60 * minutes + seconds + plain
    if total > 3600:
        raise ValueError("must be at most an hour: probes live for an hour")
    return float(total)


def size(text: str) -> int:
    """A number of bytes, `K` for 1000 and `M` for a million of them; between 1 KiB and 64 MiB, as agents take it."""
    match = re.fullmatch(r"([0-9]{1,8})([KM]?)", text)
    if match is None:
        raise ValueError("must be a number of bytes such as 500K or 10M")
    number = int(match[1]) * {"": 1, "K": 1000, "M": 1_000_000}[match[2]]
    if not 1 << 10 <= number <= 1 << 26:
        raise ValueError("must be between 1024 bytes and 67M")
    return number


def rate(text: str) -> float:
    """Messages a second, up to 200."""
    return _number(text, "must be a number, more than 0 and at most 200", lambda number: 0 < number <= 200)


def share(text: str) -> float:
    """A share between 0 and 1, without the two ends."""
    return _number(text, "must be a number between 0 and 1", lambda number: 0 < number < 1)


def factor(text: str) -> float:
    """A factor, more than 0."""
    return _number(text, "must be a number, more than 0", lambda number: number > 0)


def some_text(text: str) -> str:
    """Any text that is not blank."""
    if not text.strip():
        raise ValueError("must not be empty")
    return text


def path(text: str) -> Path:
    """A file or folder. `~` stands for the home folder."""
    return Path(some_text(text)).expanduser()


def names(text: str) -> tuple[str, ...]:
    """Names with commas between them, each once."""
    parts = tuple(part.strip() for part in text.split(","))
    if not all(parts):
        raise ValueError("write names of nodes with commas between them")
    for name in parts:
        if parts.count(name) > 1:
            raise ValueError(f"{name} is named twice; name each node once")
    return parts


def selector(text: str) -> Selector:
    """A label selector."""
    from podwire.planning import selectors

    return selectors.selector(text)


def pool(text: str) -> Pool:
    """`NAME=SELECTOR`."""
    from podwire.planning import selectors

    return selectors.pool(text)


def windows_releases() -> Mapping[str, int]:
    """The build of each release of Windows that `node_kind` knows by name, such as 20348 of `windows-2022`."""
    from podwire.platforms.windows_builds import releases

    return {f"windows-{release.name.split()[-1].lower()}": release.build for release in releases()}


def node_kind(text: str) -> NodeKind:
    """`linux`, `windows`, `windows-RELEASE`, `windows-BUILD[.REVISION]`, or labels `KEY=VALUE[,KEY=VALUE]`."""
    from podwire.planning.required import NodeKind

    if "=" in text:
        halves = [pair.partition("=") for pair in text.split(",")]
        pairs = tuple((key.strip(), value.strip()) for key, _, value in halves)
        if not all(key and not any(mark in key + value for mark in "=! ") for key, value in pairs):
            raise ValueError("not a list of labels; write KEY=VALUE[,KEY=VALUE], a node must have all of them")
        return NodeKind(text=text, labels=pairs)
    if text == "linux":
        return NodeKind(text=text, os="linux")
    if text == "windows":
        return NodeKind(text=text, os="windows")
    number = re.fullmatch(r"windows-([0-9]{5})(?:\.([0-9]{1,9}))?", text)
    if number:
        return NodeKind(text=text, os="windows", build=tuple(int(part) for part in number.groups() if part))
    named = windows_releases()
    known_name(text, ("linux", "windows", *named, "windows-BUILD[.REVISION]", "KEY=VALUE"))
    return NodeKind(text=text, os="windows", build=(named[text],))


def kubeconfig(text: str) -> str:
    """The path of a kubeconfig, or `in-cluster`."""
    return text if text == "in-cluster" else str(path(text))


def command_line(text: str) -> tuple[str, ...]:
    """A command line as a shell splits it."""
    try:
        return tuple(shlex.split(some_text(text)))
    except ValueError as problem:
        raise ValueError(f"not a command line: {problem}; quote it as for a shell") from None


def lab_profile(text: str) -> str:
    """The name of a profile of the lab."""
    from podwire_lab.model.profiles import PROFILES

    return known_name(text, PROFILES)


def lab_fault(text: str) -> str:
    """The name of a fault of the lab, and the nodes that it is on: `NAME[@NODE,NODE]`."""
    from podwire_lab.faults.registry import FAULTS

    name, at, nodes = text.partition("@")
    known_name(name, FAULTS, "podwire mutants --list")
    if at:
        names(nodes)
    return text


def lab_nodes(text: str) -> int:
    """A number of nodes that a lab can have of each OS."""
    from podwire_lab.model.addresses import MOST, USUAL

    if text not in map(str, range(USUAL, MOST + 1)):
        raise ValueError(f"must be a whole number, {USUAL} to {MOST}")
    return int(text)


def lab_variation(text: str) -> str:
    """The name of a variation of the lab."""
    from podwire_lab.model.variations import VARIATIONS

    return known_name(text, VARIATIONS)


def windows_build(text: str) -> str:
    """A Windows build that the lab can emulate."""
    from podwire_lab.model.windows_builds import UnknownBuild
    from podwire_lab.model.windows_builds import windows_build as known_build

    try:
        known_build(text)
    except UnknownBuild as problem:
        raise ValueError(str(problem)) from None
    return text


def external_host(text: str) -> ExternalHost:
    """The host of `NAME[=ADDRESS[,ADDRESS]]`. Raises `UsageError`."""
    from podwire.cluster.connect import parse_external_host

    return parse_external_host(text)


def facts_file(text: str) -> StatedFacts:
    """The facts that a file states. Raises `UsageError`."""
    from podwire.platforms.stated_file import stated_in

    return stated_in(path(text))


def age(text: str) -> float:
    """The seconds of `90s`, `15m`, `2h`, `1d` or a plain number of seconds. Raises `UsageError`."""
    from podwire.cluster.deployment.cleanup import parse_age

    return parse_age(text)
