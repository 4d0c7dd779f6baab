"""Text that others wrote, made harmless to whoever looks at it: names of a cluster, messages, logs, files.

A terminal obeys control characters, and a person does not see characters that turn the direction of a text or have no
width. Everything that leaves for a terminal, a page or a file that is read with `cat` passes here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

_UNSEEN: Final = (
    "\x00-\x08\x0b-\x1f\x7f-\x9f"  # C0 but for tab and newline, DEL, C1 (ECMA-48)
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # turn the direction (UAX #9)
    # Without width, or ignored where nothing else is said (Unicode: Default_Ignorable_Code_Point).
    "\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200d\u2060-\u2065\u206a-\u206f\u3164\ufeff\uffa0"
    "\ufff0-\ufffb\U000e0000-\U000e0fff"
    "\u2028\u2029"  # end a line
    "\ud800-\udfff"  # half a character: no encoding has it
)
_HARMFUL: Final = re.compile(f"[{_UNSEEN}]")
_STYLED: Final = re.compile(f"\x1b\\[[0-9;]*m|[{_UNSEEN}]")


def visible(text: str) -> str:
    r"""The text with every such character written out (`\u001b`), as JSON does; a line end of Windows is a newline."""
    if text.isascii() and text.isprintable():
        return text
    return _HARMFUL.sub(lambda found: _written_out(found[0]), text.replace("\r\n", "\n"))


def visible_but_styled(text: str) -> str:
    """The same for the stream of a program that colours its lines and writes over them: colours and `\\r` stay.

    It is a net below such a program; what it is given by others is made `visible` before.
    """
    if text.isascii() and text.isprintable():
        return text
    return _STYLED.sub(lambda found: found[0] if found[0][-1] in "m\r" else _written_out(found[0]), text)


def visible_tree(tree: Any) -> Any:
    """What JSON is made of, all its texts `visible`: for reports that show them as they are."""
    kind = type(tree)
    if kind is str:
        return tree if tree.isascii() and tree.isprintable() else visible(tree)
    if kind is int or kind is float or kind is bool or tree is None:
        return tree  # Before the question for a mapping, which takes longest where the answer is no.
    if isinstance(tree, str):
        return visible(tree)
    if isinstance(tree, Mapping):
        return {visible(str(name)): visible_tree(value) for name, value in tree.items()}
    if isinstance(tree, (list, tuple)):
        return [visible_tree(item) for item in tree]
    return tree


def visible_in_json(text: str) -> str:
    """JSON whose texts are `visible` once they are read; JSON itself has written control characters out."""
    if text.isascii():
        return text
    return _HARMFUL.sub(lambda found: _written_out(found[0]).replace("\\", "\\\\"), text)


def _written_out(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{int.from_bytes(units[at : at + 2], 'big'):04x}" for at in range(0, len(units), 2))
