"""JSON that somebody else made: an API server, an agent."""

from __future__ import annotations

import json
from typing import Any


def foreign_json(data: bytes) -> Any:
    """Its values, without halves of characters: JSON can name them, and no file can hold them. ValueError as `json`
    gives it, RecursionError for what is too deep."""
    tree = json.loads(data)
    if b"\\ud" in data.lower():
        tree = json.loads(json.dumps(tree, ensure_ascii=False).encode("utf-8", "replace"))
    return tree
