"""Objects of the API that are not as Kubernetes writes them: one line for the user, the traceback for a file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from podwire.errors import MalformedAnswer, PodwireError


@contextmanager
def understood(doing: str) -> Iterator[None]:
    """A block that reads objects of the API. Whatever its code trips over becomes a `MalformedAnswer`, whose cause has
    the traceback; errors that explain themselves pass."""
    try:
        yield
    except PodwireError:
        raise
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        words = " ".join(f"{type(error).__name__}: {error}".split())
        raise MalformedAnswer(f"{doing}: an object of the API cannot be read ({words[:200]})") from error
