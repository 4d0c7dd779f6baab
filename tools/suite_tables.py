"""Tables of the docs for authors of suites: axes and ways, the words of an expectation, patterns, `when`."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from podwire.catalogue.when import WHEN
from podwire.judging.vocabulary import ABOUT_DNS, parts
from podwire.model.asking import ASKS
from podwire.model.axes.axis import NEEDED, Axis
from podwire.model.axes.table import AXES
from podwire.model.controls import CONTROLS
from podwire.model.packet_fields import FIELDS
from podwire.model.patterns import PACKETS, VALUES
from podwire.model.sizes import SIZES
from podwire.model.ways import WAYS


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [f"| {' | '.join(cells)} |" for cells in (head, *rows)]
    return "\n".join([lines[0], "|---" * len(head) + "|", *lines[1:]]) + "\n"


def axes() -> str:
    """A table for each group of axes."""
    groups = dict.fromkeys(axis.group for axis in AXES.values())
    return "\n".join(
        f"**{group}**\n\n"
        + table(
            ("axis", "which flows", "left out", "several values"),
            (
                (
                    f"`{axis.name}`",
                    axis.help,
                    _default(axis),
                    {"": "", "each": "a flow each", "all": "all hold"}[axis.many],
                )
                for axis in AXES.values()
                if axis.group == group
            ),
        )
        for group in groups
    )


def _default(axis: Axis) -> str:
    if axis.default is NEEDED:
        return "must be given"
    values = axis.default if isinstance(axis.default, tuple) else (axis.default,)
    return ", ".join(f"`{value}`" for value in values if value not in ("", None))


def ways() -> str:
    return table(("`via`", "what the client sends to"), ((f"`{via}`", text) for via, text in WAYS.items()))


def asks() -> str:
    rows = ((f"`{name}`", what) for name, what in ASKS.items() if name)
    return table(("`asks`", "what the agent's own DNS client asks"), rows)


def sizes() -> str:
    rows = ((f"`{name}`", relation.words) for name, relation in SIZES.items())
    return table(("`size`", "a UDP request, and its answer, is"), rows)


def controls() -> str:
    return table(("control", "what the client must reach"), ((f"`{name}`", text) for name, text in CONTROLS.items()))


def words() -> str:
    """A table for each subject of the words of `case.expect`."""
    subjects: dict[str, list[Any]] = {}
    for part in parts():
        module = inspect.getmodule(part)
        assert module is not None
        subjects.setdefault(_first_sentence(module), []).append(part)
    return "\n".join(
        f"**{subject.rstrip('.')}**\n\n"
        + table(("word", "what it asks"), ((_call(part.word, part), _needs(part)) for part in of_subject))
        for subject, of_subject in subjects.items()
    )


def _needs(part: Any) -> str:
    """What a part requires, and the tool that it needs."""
    return _first_sentence(part) + (f" Reads the tool `{part.tool}`." if part.tool else "")


def questions() -> str:
    rows = ((_call(question.word, question), _first_sentence(question)) for question in ABOUT_DNS)
    return table(("DNS question", "what it asks"), rows)


def packets() -> str:
    rows = ((f"`{pattern.__name__}(...)`", _first_sentence(pattern)) for pattern in PACKETS)
    return table(("packets", "what it asks"), rows)


def fields() -> str:
    rows = ((f"`{field.name}`", field.says, field.kind_in_words) for field in FIELDS.values())
    return table(("field", "what it is", "value"), rows)


def values() -> str:
    return table(("value", "what it admits"), ((_call(word.__name__, word), _first_sentence(word)) for word in VALUES))


def when() -> str:
    rows = (
        (f"`{name}`", f"the {key.about}", key.help, ", ".join(f"`{str(value).lower()}`" for value in key.values))
        for name, key in WHEN.items()
    )
    return table(("key of `when`", "is held against", "what must be so", "values"), rows)


def _call(name: str, word: Callable[..., Any]) -> str:
    """The call of a word, with its parameters."""
    shown = []
    for parameter in inspect.signature(word).parameters.values():
        star = "*" if parameter.kind is parameter.VAR_POSITIONAL else ""
        positional = parameter.default is parameter.empty and parameter.kind is not parameter.KEYWORD_ONLY
        shown.append(f"{star}{parameter.name}" if positional else f"{parameter.name}=")
    return f"`{name}({', '.join(shown)})`"


def _first_sentence(thing: object) -> str:
    return (inspect.getdoc(thing) or "").partition("\n\n")[0].replace("\n", " ")
