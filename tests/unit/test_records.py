"""run.json: the record on disk, its errors, and its schema."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from records_for_tests import case, facts, one_of_each, record

from podwire.records import RunRecord
from podwire.reporting.record_file import load_record, write_record

SCHEMA = json.loads((Path(__file__).parents[2] / "reports" / "run.schema.json").read_text(encoding="utf-8"))
TYPES = {"string": str, "number": (int, float), "integer": int, "boolean": bool, "array": list, "object": dict}


def problems(value: Any, schema: Mapping[str, Any], at: str = "$") -> list[str]:
    """What a value breaks of the few JSON Schema words that the record's schema uses."""
    if "$ref" in schema:
        return problems(value, SCHEMA["$defs"][schema["$ref"].rpartition("/")[2]], at)
    if "anyOf" in schema:
        tried = [problems(value, one, at) for one in schema["anyOf"]]
        return [] if [] in tried else tried[-1]
    found = []
    if "const" in schema and value != schema["const"]:
        found.append(f"{at} is not {schema['const']}")
    if "enum" in schema and value not in schema["enum"]:
        found.append(f"{at} is {value!r}")
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if kinds and not any(value is None if kind == "null" else isinstance(value, TYPES[kind]) for kind in kinds):
        found.append(f"{at} is a {type(value).__name__}")
    if isinstance(value, dict):
        known = schema.get("properties", {})
        found += [f"{at} lacks {name}" for name in schema.get("required", ()) if name not in value]
        for name, inner in value.items():
            rest = schema.get("additionalProperties", True)
            if name in known:
                found += problems(inner, known[name], f"{at}.{name}")
            elif rest is False:
                found.append(f"{at}.{name} is unknown")
            elif isinstance(rest, dict):
                found += problems(inner, rest, f"{at}.{name}")
    if isinstance(value, list):
        found += [text for i, inner in enumerate(value) for text in problems(inner, schema["items"], f"{at}[{i}]")]
    return found


def test_a_record_is_the_same_after_the_way_through_a_file(tmp_path: Path) -> None:
    written = one_of_each()
    path = write_record(written, tmp_path)
    assert load_record(path) == load_record(tmp_path) == written
    assert [file.name for file in tmp_path.iterdir()] == ["run.json"]


@pytest.mark.parametrize(
    "made",
    [
        one_of_each(),
        record(facts=facts(encapsulation=None, external=None, dsr=None)),
        record(case(), interrupted="SIGINT"),
    ],
    ids=["full", "bare", "interrupted"],
)
def test_what_is_written_follows_the_schema(made: RunRecord) -> None:
    tree = json.loads(json.dumps(made.to_dict()))
    assert problems(tree, SCHEMA) == []


def test_the_schema_refuses_what_is_no_record() -> None:
    tree = json.loads(json.dumps(one_of_each().to_dict()))
    tree["cases"][0]["verdict"]["outcome"] = "good"
    del tree["facts"]["mode"]
    tree["extra"] = 1
    assert problems(tree, SCHEMA) == [
        "$.facts lacks mode",
        "$.cases[0].verdict.outcome is 'good'",
        "$.extra is unknown",
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not JSON: "),
        (b"[]", "not a run record: it holds a list, not an object"),
        (b"\xff\xfe", "not a run record: it is not UTF-8 text"),
        (b'{"schema": "podwire.run/0"}', "schema is 'podwire.run/0'"),
        (b'{"schema": "podwire.run/1"}', "not a run record: KeyError"),
    ],
    ids=["empty", "list", "binary", "old", "hollow"],
)
def test_a_bad_file_is_one_clear_line(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "run.json"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message) as caught:
        load_record(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"nowhere\.json: No such file or directory$"):
        load_record(tmp_path / "nowhere.json")


def test_a_record_with_a_missing_case_is_not_complete() -> None:
    assert not one_of_each().complete
    assert record(case()).complete
    assert not record(case(), interrupted="SIGTERM").complete
