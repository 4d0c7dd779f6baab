"""Malformed API objects: one line for the user, and the traceback for a file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from podwire.errors import MalformedAnswer, PodwireError


@contextmanager
def understood(subject: str) -> Iterator[None]:
    """A block that reads API objects. It turns unexpected errors into `MalformedAnswer` with the error as its cause,
    and lets `PodwireError` pass. `subject` is what the objects are about."""
    try:
        yield
    except PodwireError:
        raise
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        words = " ".join(f"{type(error).__name__}: {error}".split())
        raise MalformedAnswer(f"{subject}: podwire cannot read an API object ({words[:200]})") from error
