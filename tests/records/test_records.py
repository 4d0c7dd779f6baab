"""run.json: the record on disk, its errors, and its schema."""

from __future__ import annotations

import json
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from random import Random
from typing import Any

import pytest
from records_for_tests import case, facts, one_of_each, record

from podwire.gating.facts import named_facts
from podwire.gating.flakes import history
from podwire.records.files import load_record, write_record
from podwire.records.run import RunRecord
from podwire.records.run_form import case_from_json, case_to_json, parse_record, record_text
from podwire.reporting.terminal import summary

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "schemas" / "run.schema.json").read_text(encoding="utf-8"))
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
    assert problems(tree_of(made), SCHEMA) == []


def test_the_schema_refuses_what_is_no_record() -> None:
    tree = tree_of(one_of_each())
    tree["cases"][0]["verdict"]["outcome"] = "good"
    del tree["cases"][0]["title"]
    tree["extra"] = 1
    assert problems(tree, SCHEMA) == [
        "$.cases[0] lacks title",
        "$.cases[0].verdict.outcome is 'good'",
        "$.extra is unknown",
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not JSON: "),
        (b"[]", "not a run record: needs an object, found an empty list"),
        (b"\xff\xfe", "not UTF-8 text"),
        (b'{"schema": "podwire.run/0"}', "schema: 'podwire.run/0' is unknown; this podwire reads podwire.run/1 and "),
        (b'{"schema": "podwire.run/1"}', "emulated: missing; the record is damaged or was changed"),
        (b'{"schema": "podwire.run/2"}', "emulated: missing; the record is damaged or was changed"),
    ],
    ids=["empty", "list", "binary", "unknown", "hollow old", "hollow"],
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


FIRST = ("convergence", "suite", "images", "planned", "observations", "paths", "judged_again")


def tree_of(made: RunRecord) -> dict[str, Any]:
    return dict(json.loads(record_text(made)))


def test_a_record_of_the_first_schema_is_read() -> None:
    made = one_of_each()
    tree = tree_of(made)
    tree["schema"] = "podwire.run/1"
    for name in FIRST:
        del tree[name]
    for one in tree["cases"]:
        del one["nodes"], one["rounds"]
    read = parse_record(json.dumps(tree).encode())
    assert [one.verdict for one in read.cases] == [one.verdict for one in made.cases]
    assert (read.observations, read.planned, read.missing) == (None, (), made.missing)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda tree: tree["cases"].pop(), "planned: differs from the ids in cases and missing together"),
        (lambda tree: tree["missing"].clear(), "complete: false, but the rest of the record says otherwise"),
        (lambda tree: tree.update(emulated=False), "emulated: false, but the rest of the record says otherwise"),
        (lambda tree: tree["cases"].append(tree["cases"][0]), "appears twice"),
        (
            lambda tree: tree["cases"][2].update(area="dns"),
            r"cases\[2\].id: .* does not match its area and requirement",
        ),
        (
            lambda tree: tree["cases"][1]["verdict"].update(outcome="good"),
            r"cases\[1\].verdict.outcome: needs one of pass, .*, found 'good'",
        ),
        (lambda tree: tree["facts"]["nodes"][0].update(os=1), r"facts.nodes\[0\].os: needs one of linux, windows"),
        (lambda tree: tree["timings"].update(lab="long"), "timings.lab: needs a number, found 'long'"),
        (lambda tree: tree.update(colour="red"), "colour: unknown field"),
        (lambda tree: tree.pop("observations"), "observations: missing"),
        (lambda tree: tree["cases"][0].update(title="\ud800"), r"cases\[0\].title: an unpaired surrogate"),
    ],
)
def test_what_was_changed_in_a_record_is_named(change: Any, complaint: str) -> None:
    tree = tree_of(one_of_each())
    change(tree)
    with pytest.raises(ValueError, match=complaint):
        parse_record(json.dumps(tree).encode())


JUNK = (None, True, -1, 10**400, 1.5, "", "x", "\ud800", "podwire.run/2", [], [[]], {}, {"id": {}}, ["a", 1])


def mutated(random: Random, text: str) -> bytes:
    """The text with some bytes of it lost or changed, or some values of its tree replaced, moved or taken away."""
    if random.random() < 0.2:
        data = bytearray(text.encode())
        if random.random() < 0.3:
            return bytes(data[: random.randrange(len(data))])
        for _ in range(random.randint(1, 4)):
            data[random.randrange(len(data))] = random.randrange(256)
        return bytes(data)
    tree = json.loads(text)
    for _ in range(random.randint(1, 3)):
        at: Any = tree
        while True:
            keys = list(at) if isinstance(at, dict) else list(range(len(at)))
            if not keys:
                break
            key = random.choice(keys)
            if isinstance(at[key], (dict, list)) and at[key] and random.random() < 0.85:
                at = at[key]
                continue
            change = random.randrange(4)
            if change == 0:
                del at[key]
            elif change == 1 and isinstance(at, dict):
                at[f"{key}{key}"] = at.pop(key)
            elif change == 2 and isinstance(at, list):
                at.append(at[key])
            else:
                at[key] = deepcopy(random.choice(JUNK))
            break
    return json.dumps(tree).encode()


def test_ten_thousand_damaged_records_are_each_a_record_or_one_line() -> None:
    random = Random(20260528)
    text = record_text(one_of_each())
    complaints: list[str] = []
    for _ in range(10_000):
        data = mutated(random, text)
        try:
            read = parse_record(data)
        except ValueError as problem:
            complaints.append(str(problem))
        else:
            assert parse_record(record_text(read).encode()) == read
            summary(read)
            list(named_facts(read))
            history([read])
    assert len(complaints) > 6_000
    assert not [one for one in complaints if not one.isprintable() or len(one) >= 400]


def test_a_case_is_the_same_after_its_way_between_processes() -> None:
    for one in one_of_each().cases:
        assert case_from_json(case_to_json(one)) == one
