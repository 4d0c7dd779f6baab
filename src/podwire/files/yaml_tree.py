"""Reads a user's YAML safely into a tree of plain values.

The tree has text, numbers, lists and mappings. Other YAML is refused with its line: tags, merge keys, keys that are not
text, duplicate keys, a second document, and too many values or levels. An alias counts as all values that it stands
for, because a few aliases can expand to more values than fit into memory. The tree is built from the parser's events,
so deep nesting uses no stack. Dates stay text.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from podwire.files.bounded import FileError, text_of
from podwire.files.words import shown

MOST_BYTES = 1 << 20
MOST_VALUES = 100_000
DEEPEST = 32
LONGEST_NUMBER = 64
"""The limit in characters. Python refuses numbers of more than 4,300 digits, and is slow long before that."""

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TAG = "tag:yaml.org,2002:"
_SURROGATE = re.compile("[\ud800-\udfff]")


def yaml_file(path: Path, most: int = MOST_BYTES) -> Any:
    """The tree in a file of at most `most` bytes. `FileError` is one line with the place; it does not name the file."""
    return yaml_tree(text_of(path, most))


def yaml_tree(text: str) -> Any:
    """The tree in a text; None for an empty text or comments only. Raises `FileError`."""
    loader = None
    try:
        loader = _Loader(text)
        return _Tree(loader).value()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise FileError(f"{_place(mark)}not valid YAML: {error.problem or error.context}") from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise FileError(f"line {line}: not valid YAML: {error.reason}") from None
    except yaml.YAMLError as error:
        raise FileError(f"not valid YAML: {' '.join(str(error).split())[:200]}") from None
    finally:
        if loader is not None:
            loader.dispose()


class _Anchor(NamedTuple):
    """The value that an alias stands for, its number of values (with aliases expanded) and its number of levels."""

    value: Any
    values: int
    height: int


class _Open:
    """A list or mapping that is not complete yet. `key` is the key of a mapping's next value; None before that key."""

    def __init__(self, values: list[Any] | dict[str, Any], anchor: str | None, before: int) -> None:
        self.values, self.anchor, self.before, self.height = values, anchor, before, 0
        self.key: str | None = None
        self._lines: dict[str, int] = {}

    @property
    def awaits_key(self) -> bool:
        """Whether the next node is a key, not a value."""
        return isinstance(self.values, dict) and self.key is None

    def put_key(self, event: Any) -> None:
        if not isinstance(event, yaml.ScalarEvent):
            raise _refused(event, "needs a name, found a list, a mapping or an alias")
        _check_tag(event)
        name, line = event.value, event.start_mark.line + 1  # type: ignore[union-attr]  # libyaml marks every event
        if name == "<<" and event.implicit[0]:
            raise _refused(event, "merge keys (<<) are not supported; write the fields out")
        if name in self._lines:
            raise _refused(event, f"{shown(name)} appears twice, first in line {self._lines[name]}")
        self._lines[name] = line
        self.key = name

    def put(self, value: Any, height: int) -> None:
        self.height = max(self.height, height + 1)
        if isinstance(self.values, list):
            self.values.append(value)
        else:
            assert self.key is not None
            self.values[self.key], self.key = value, None


class _Tree:
    """Builds a value from the parser's events."""

    def __init__(self, loader: Any) -> None:
        self._loader = loader
        self._document: list[Any] = []
        self._opened = [_Open(self._document, None, 0)]
        self._anchors: dict[str, _Anchor] = {}
        self._values = 0

    def value(self) -> Any:
        for event in iter(self._loader.get_event, None):
            if isinstance(event, yaml.CollectionEndEvent):
                self._close()
            elif isinstance(event, yaml.DocumentStartEvent) and self._document:
                raise _refused(event, "a second document; put one document in a file")
            elif isinstance(event, yaml.NodeEvent):
                self._take(event)
        return self._document[0] if self._document else None

    def _take(self, event: Any) -> None:
        container = self._opened[-1]
        if container.awaits_key:
            self._count(event, 1)
            container.put_key(event)
        elif isinstance(event, yaml.AliasEvent):
            name = str(event.anchor)
            anchor = self._anchors.get(name)
            if anchor is None:
                raise _refused(event, f"the alias *{_name(name)} has no complete anchor before it")
            self._count(event, anchor.values)
            container.put(anchor.value, anchor.height)
            self._check_depth(event, anchor.height)
        elif isinstance(event, yaml.ScalarEvent):
            self._count(event, 1)
            value = _scalar(self._loader, event)
            container.put(value, 0)
            if event.anchor:
                self._anchors[event.anchor] = _Anchor(value, 1, 0)
        else:
            self._open(event)

    def _open(self, event: Any) -> None:
        _check_tag(event)
        before = self._values
        self._count(event, 1)
        self._anchors.pop(event.anchor, None)
        values: list[Any] | dict[str, Any] = [] if isinstance(event, yaml.SequenceStartEvent) else {}
        self._opened.append(_Open(values, event.anchor, before))
        self._check_depth(event, 0)

    def _close(self) -> None:
        done = self._opened.pop()
        self._opened[-1].put(done.values, done.height)
        if done.anchor:
            self._anchors[done.anchor] = _Anchor(done.values, self._values - done.before, done.height)

    def _check_depth(self, event: Any, height: int) -> None:
        if len(self._opened) - 1 + height > DEEPEST:
            raise _refused(event, f"nested deeper than {DEEPEST} levels")

    def _count(self, event: Any, more: int) -> None:
        self._values += more
        if self._values > MOST_VALUES:
            raise _refused(event, f"more than {MOST_VALUES:,} values with aliases expanded, the limit for a file")


def _check_tag(event: Any) -> None:
    if event.tag is not None:
        raise _refused(
            event, f"tags ({_name(event.tag.replace(_TAG, '!!'))}) are not supported; write the value without its tag"
        )


def _name(text: str) -> str:
    return shown(text)[1:-1]


def _scalar(loader: Any, event: Any) -> Any:
    """A text, or the YAML 1.1 meaning of a plain one: a number, true, false, or None."""
    _check_tag(event)
    text: str = event.value
    if _SURROGATE.search(text):
        raise _refused(event, "an unpaired surrogate in the text")
    if not event.implicit[0]:
        return text
    node = yaml.ScalarNode(loader.resolve(yaml.ScalarNode, text, (True, False)), text)
    kind = node.tag.removeprefix(_TAG)
    if kind == "null":
        return None
    if kind == "bool":
        return loader.construct_yaml_bool(node)
    if kind not in ("int", "float"):
        return text
    if len(text) > LONGEST_NUMBER:
        raise _refused(event, f"a number of {len(text):,} characters; the limit is {LONGEST_NUMBER}")
    try:
        return loader.construct_yaml_int(node) if kind == "int" else loader.construct_yaml_float(node)
    except (ValueError, OverflowError):
        raise _refused(event, "not a valid number; put it in quotes if it is text") from None


def _refused(event: Any, text: str) -> FileError:
    return FileError(f"{_place(event.start_mark)}{text}")


def _place(mark: Any) -> str:
    return f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
