"""Types of fields that several kinds of files have. Pure."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

Text = Annotated[str, Meta(pattern=r"\S", max_length=4000, extra={"needed": "text"})]
"""A text that is not blank, and no longer than a person reads."""
WebAddress = Annotated[str, Meta(pattern=r"^https?://", extra={"needed": "a web address"})]

Secret = Annotated[str, Meta(extra={"needed": "text (in quotes, if it looks like a number)", "secret": True})]
"""A text that no message shows."""


def one_line(text: str) -> str:
    """A text that YAML may have spread over several lines."""
    return " ".join(text.split())
