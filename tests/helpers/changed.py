"""A value with some of its fields changed, be it a dataclass or a Struct of msgspec."""

import dataclasses

from msgspec import Struct, structs


def replace(value, **changes):
    """The changed copy."""
    return structs.replace(value, **changes) if isinstance(value, Struct) else dataclasses.replace(value, **changes)
