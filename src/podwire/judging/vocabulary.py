"""The words of `case.expect`: every part that has a name, by its name, in the order of the docs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import ModuleType, SimpleNamespace
from typing import Any

from podwire.judging import (
    cards,
    ends,
    first_try,
    hns,
    hns_over_time,
    known,
    names,
    places,
    questions,
    records,
    spread,
    tools,
    tunnels,
    windows,
)
from podwire.judging.ends import Allowed, Denied
from podwire.judging.parts import Part
from podwire.judging.path_mtu import lengths
from podwire.judging.places import AtClient, AtServer
from podwire.judging.questions import QUESTIONS, Question
from podwire.judging.records import RECORDS
from podwire.judging.streams import changes, exchanges
from podwire.model.flows import Flow
from podwire.model.patterns import nothing, request

MODULES: tuple[ModuleType, ...] = (
    *(ends, names, records, questions, spread, first_try, exchanges, changes, places, lengths),
    *(tunnels, known, tools, hns, hns_over_time, windows, cards),
)

ABOUT_DNS: tuple[type[Question], ...] = (*QUESTIONS, *RECORDS)
"""What `at_dns` can be given."""


def parts() -> Iterator[type[Part]]:
    """All parts that have a name."""
    for module in MODULES:
        for value in vars(module).values():
            defined_in_module = isinstance(value, type) and value.__module__ == module.__name__
            if defined_in_module and issubclass(value, Part) and value.word:
                yield value


def words() -> Mapping[str, Any]:
    """What suites import: a class by its name, or a namespace of classes (`hns.endpoint_of`)."""
    names: dict[str, Any] = {question.word: question for question in ABOUT_DNS}
    for part in parts():
        space, _, name = part.word.rpartition(".")
        names_in = vars(names.setdefault(space, SimpleNamespace())) if space else names
        if name in names_in:
            raise TypeError(f"{part.__name__}: the word {part.word} is that of {names_in[name].__name__} already")
        names_in[name] = part
    return names


def as_ruled(flow: Flow) -> tuple[Part, ...]:
    """What the network policies that are in force say of a flow with `ruled=True`, with the sentence that decides.

    Allowed: the server answers. Denied: the client's packets are seen at its own port, none of them at the server's,
    and nobody answers.
    """
    if flow.ruling.decision == "allowed":
        return (Allowed(flow.server, because=flow.ruling.because),)
    if flow.ruling.decision == "denied":
        return (Denied(because=flow.ruling.because), AtClient(request()), AtServer(nothing()))
    raise ValueError("as_ruled: the flow has no ruling; @flows needs ruled=True")
