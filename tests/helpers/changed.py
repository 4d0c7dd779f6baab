"""A copy of a value with some fields changed: of a dataclass, a msgspec Struct, or facts by the row of a file."""

import dataclasses

from msgspec import Struct, structs

from podwire.model.facts import CLUSTER_ROW, NODE_ROW, ClusterFacts, NodeFacts

ROWS = {ClusterFacts: CLUSTER_ROW, NodeFacts: NODE_ROW}


def replace(value, **changes):
    """The changed copy. Facts have their fields by the names of a file: `mode=`, `kernel_version=`."""
    if type(value) in ROWS:
        return ROWS[type(value)].changed(value, changes)
    return structs.replace(value, **changes) if isinstance(value, Struct) else dataclasses.replace(value, **changes)
