"""Runs that somebody changed after they ended."""

import json
import shutil

import pytest

from podwire.gating.runs import load_run
from podwire.records.files import load_record
from podwire.records.seal import write_seal


def edited(folder, change, *, resealed):
    """A copy of the run with `change` made to the tree of its record."""
    copy = folder.parent / "edited"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(folder, copy)
    tree = json.loads((copy / "run.json").read_text())
    change(tree)
    (copy / "run.json").write_text(json.dumps(tree))
    if resealed:
        write_seal(load_record(copy), copy)
    return copy


def refusals(folder):
    with pytest.raises(ValueError, match=": ") as caught:
        load_run(folder)
    return str(caught.value).splitlines()


def leaves(tree, path=()):
    """Every value in a tree that is no list and no mapping, by its path."""
    parts = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else None
    if parts is None:
        return [path]
    return [leaf for name, part in parts for leaf in leaves(part, (*path, name))]


def at(tree, path):
    for name in path:
        tree = tree[name]
    return tree


def other(value):
    """Another value of the same type."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, (int, float)):
        return value + 1
    return "fail" if value == "pass" else "pass" if value == "fail" else f"{value}x"
