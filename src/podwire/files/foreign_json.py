"""JSON that somebody else made: an API server, an agent."""

from __future__ import annotations

import json
from typing import Any

import msgspec


def foreign_json(data: bytes, shape: Any = None) -> Any:
    """Its values, without halves of characters: JSON can name them, and no file can hold them. ValueError as `json`
    gives it, RecursionError for what is too deep.

    `shape` is a type of msgspec with the fields that are wanted. Data that fits it gives only these; any other gives
    all that it has, so that who reads it can say what is wrong.
    """
    if shape is not None:
        try:
            return msgspec.json.decode(data, type=shape)
        except msgspec.MsgspecError:
            pass
    tree = json.loads(data)
    if b"\\ud" in data.lower():
        tree = json.loads(json.dumps(tree, ensure_ascii=False).encode("utf-8", "replace"))
    return tree
