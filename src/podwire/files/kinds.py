"""Field types that several kinds of files share. Pure."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

Text = Annotated[str, Meta(pattern=r"\S", max_length=4000, extra={"needed": "text"})]
"""A text that is not blank, of at most 4,000 characters."""
WebAddress = Annotated[str, Meta(pattern=r"^https?://", extra={"needed": "a web address"})]

Secret = Annotated[str, Meta(extra={"needed": "text (in quotes, if it looks like a number)", "secret": True})]
"""A text that no message shows, such as a token."""


def one_line(text: str) -> str:
    """The text on one line: YAML may spread it over several."""
    return " ".join(text.split())
