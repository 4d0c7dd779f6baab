"""The labs that tests of faults share."""

from collections.abc import Iterator

import pytest
from faulty import Labs


@pytest.fixture(scope="module")
def running() -> Iterator[Labs]:
    """The labs of a module, each started when its first test asks for it."""
    labs = Labs()
    try:
        yield labs
    finally:
        labs.close()
