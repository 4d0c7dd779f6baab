"""Whatever a user's file holds, it is read or is one line that names the file; none of it takes the process down."""

import gzip
import json
import random
import re

import pytest
from hostile import DEEP, FILES, VALUES
from observed import a_case, an_observation
from records_for_tests import one_of_each

from podwire.catalogue.load import CatalogueError, load_catalogue, load_rows
from podwire.cli import main as cli
from podwire.cluster.kubeconfig import read_kubeconfig
from podwire.errors import UsageError
from podwire.files import typed, yaml_tree
from podwire.gating.waiver_file import WaiverError, load_waivers
from podwire.model.verdicts import Outcome
from podwire.platforms.stated_file import FactsError, load_stated_facts
from podwire.records.observation_form import line_of, observation_of
from podwire.records.observations import stored
from podwire.records.run_form import parse_record, record_text
from podwire.running.replay.regressions import RegressionError, load_regressions

HERE = "%s"
FACTS = """cni: flannel
mode: overlay
encapsulation: {kind: vxlan, vni: 4096}
families: [ipv4, ipv6]
dsr: true
"""
WAIVERS = """waivers:
  - case: services/SVC-HAIRPIN[tcp-*]
    owner: net team
    link: https://example.com/1
    reason: known
    expires: 2026-06-30
    symptom: timeout at connect
"""
REQUIREMENTS = """area: Area
requirements:
  - id: ONE
    level: MUST
    statement: Something holds.
    sources: [{document: A document}]
    when: {mode: [overlay, nat], dsr: true}
"""
LIMITATIONS = """limitations:
  - id: LIM
    requirement: ONE
    kind: documented
    statement: It does not.
    symptom: no-answer
    sources: [{document: A document}]
"""
ROWS = """areas:
  - number: 4
    title: Names
    rows:
      - {id: W-RULE, kind: promise, severity: must, statement: A name resolves.}
"""
REGRESSIONS = """regressions:
  - id: one
    title: something fails
    when: since then
    symptom: nothing comes back
    source: https://example.com/1
    faults: [dns-some-lost]
"""
KUBECONFIG = """current-context: test
contexts: [{name: test, context: {cluster: c, user: u}}]
clusters: [{name: c, cluster: {server: "https://cluster.example:6443"}}]
users: [{name: u, user: {token: bearer}}]
"""


def catalogue_of(path):
    if path.name == "limitations.yaml":
        (path.parent / "requirements.yaml").write_text(REQUIREMENTS)
    return load_catalogue(path.parent.parent)


# How each kind of file is read, what its errors are, what a good one looks like, and a text in it to put others for.
KINDS = {
    "facts": ("facts.yaml", load_stated_facts, FactsError, FACTS, "flannel"),
    "waivers": ("waivers.yaml", load_waivers, WaiverError, WAIVERS, "net team"),
    "expiry": ("waivers.yaml", load_waivers, WaiverError, WAIVERS, "2026-06-30"),
    "requirements": ("area/requirements.yaml", catalogue_of, CatalogueError, REQUIREMENTS, "Something holds."),
    "limitations": ("area/limitations.yaml", catalogue_of, CatalogueError, LIMITATIONS, "no-answer"),
    "rows": ("rows.yaml", lambda path: load_rows(path.parent), CatalogueError, ROWS, "4"),
    "regressions": ("regressions.yaml", load_regressions, RegressionError, REGRESSIONS, "something fails"),
    "kubeconfig": ("config", read_kubeconfig, UsageError, KUBECONFIG, "test"),
    "token": ("config", read_kubeconfig, UsageError, KUBECONFIG, "bearer"),
}


@pytest.fixture(params=KINDS)
def kind(request, tmp_path):
    """A function that reads one kind of file with this content; None or the one line that it was refused with."""
    name, read, error, good, place = KINDS[request.param]
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)

    def refusal(content):
        path.write_bytes(content)
        try:
            read(path)
        except error as problem:
            text = str(problem)
            assert str(path) in text
            # A text without escapes has no second line, and shows nothing that a terminal would obey.
            assert text.isprintable()
            assert len(text.replace(str(path), "")) < 600
            return text
        return None

    refusal.good, refusal.place = good, place
    return refusal


def test_a_good_file_is_read(kind):
    assert kind(kind.good.encode()) is None


@pytest.mark.parametrize("value", VALUES)
def test_a_value_that_does_harm_is_a_value_or_one_line(kind, value):
    refusal = kind(kind.good.replace(kind.place, VALUES[value], 1).encode())
    assert refusal or value in ("true", "nothing", "a long text", "a tab", "no number", "a float beyond all bounds")


@pytest.mark.parametrize("content", FILES)
def test_a_file_that_does_harm_is_one_line(kind, content):
    assert kind(FILES[content]) or content in ("empty", "comments")


@pytest.mark.parametrize("value", ["deep lists", "a number of 6,000 digits", "an alias of itself", "many values"])
def test_without_libyaml_it_is_the_same(kind, value, monkeypatch):
    monkeypatch.setattr(yaml_tree, "_Loader", yaml_tree.yaml.SafeLoader)
    monkeypatch.setattr(yaml_tree, "MOST_VALUES", 1000)
    assert kind(kind.good.encode()) is None
    assert kind(kind.good.replace(kind.place, VALUES[value], 1).encode())


def test_damaged_files_are_each_read_or_one_line(kind):
    chance = random.Random(20260528)
    refused = 0
    for _ in range(600):
        data = bytearray(kind.good.encode())
        for _ in range(chance.randint(1, 3)):
            at = chance.randrange(len(data))
            change = chance.randrange(4)
            if change == 0:
                del data[at : at + chance.randint(1, 9)]
            elif change == 1:
                data[at:at] = chance.choice([b"[", b"{", b": ", b"- ", b"*", b"&a ", b"!x ", b"\t", b"\n", b"1" * 99])
            elif change == 2:
                data[at] = chance.randrange(256)
            else:
                data[at:at] = data[chance.randrange(len(data)) :][:20]
            data = data or bytearray(b" ")
        refused += kind(bytes(data)) is not None
    assert refused > 200


@pytest.mark.parametrize(
    "command",
    [
        ["facts", "--kubeconfig", HERE, "--context", "test"],
        ["plan", "--context", "x", "--facts", HERE],
        ["gate", "a", "b", "--waivers", HERE],
    ],
    ids=["kubeconfig", "facts", "waivers"],
)
@pytest.mark.parametrize("value", ["deep lists", "a number of 6,000 digits", "an object of Python", "a tab"])
def test_on_the_command_line_it_is_one_line_and_exit_code_2(command, value, tmp_path, capsys):
    path = tmp_path / "file.yaml"
    path.write_text(f"cni: {VALUES[value]}\n")
    assert cli.main([str(path) if word == HERE else word for word in command]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    [line] = said.err.splitlines()
    assert re.search(r"file\.yaml: (line \d|waivers)", line)


# --- JSON -------------------------------------------------------------------------------------------------------------

RECORD = record_text(one_of_each()).encode()
LINE = line_of(stored(a_case(), an_observation(), Outcome.PASS))
JSON = {
    "deep lists": (b"[" * DEEP, "nested too deep"),
    "deep mappings": (b'{"a":' * DEEP, "nested too deep"),
    "a number of 6,000 digits": (b"9" * 6000, "an enormous number"),
    "a number beyond all bounds": (b"1e999", "found inf"),
    "no number": (b"NaN", "found nan"),
    "a raw NUL": (b'"\0"', "not JSON: Invalid control character"),
    "half a character": (b'"\\ud800"', "an unpaired surrogate"),
    "bytes": (b'"\xff"', "not UTF-8 text"),
    "a list": (b"[1]", "found a list"),
}


@pytest.mark.parametrize("value", JSON)
@pytest.mark.parametrize(
    ("read", "good", "place"),
    [
        (parse_record, RECORD, b'"started": 1780000000.25'),
        (observation_of, LINE, b'"started":1.0'),
    ],
    ids=["record", "observation"],
)
def test_a_value_of_json_that_does_harm_is_one_line(read, good, place, value):
    harm, complaint = JSON[value]
    assert place in good
    with pytest.raises(ValueError, match=complaint) as caught:
        read(good.replace(place, place.partition(b":")[0] + b":" + harm, 1))
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    ("read", "good", "field"),
    [
        (parse_record, RECORD, b'"emulated": true,'),
        (parse_record, RECORD, b'"emulated" : true,'),
        (parse_record, RECORD, b'"os": "linux",'),
        (observation_of, LINE, b'"outcome":"pass",'),
    ],
)
def test_a_field_of_json_that_is_there_twice_is_named(read, good, field):
    once = field.replace(b" :", b":")
    assert once in good
    name = once[1 : once.index(b'":')].decode()
    with pytest.raises(ValueError, match=f"^{name}: appears twice"):
        read(good.replace(once, once + field, 1))


def test_a_key_of_a_mapping_is_named_where_its_value_is_wrong():
    """msgspec tells `$.timings[...]`: the key is looked for among all of them."""
    tree = json.loads(RECORD)
    tree["timings"] = {f"phase {at}": 1.0 for at in range(1000)} | {"phase 700": "long", "phase 900": "long"}
    with pytest.raises(ValueError, match=r"^timings.phase 700: needs a number, found 'long'; "):
        parse_record(json.dumps(tree).encode())


def test_what_is_unpacked_has_an_end(tmp_path, monkeypatch):
    from podwire.records import observation_files

    monkeypatch.setattr(observation_files, "LONGEST_LINE", 1 << 20)
    bomb = gzip.compress(b"[" * (64 << 20), compresslevel=9)
    with pytest.raises(ValueError, match="larger than the observations of any run"):
        list(observation_files._lines(bomb, tmp_path))


def test_what_is_too_large_to_look_at_is_one_line_all_the_same(monkeypatch):
    monkeypatch.setattr(typed, "LARGEST_TREE", 100)
    assert parse_record(RECORD) == one_of_each()
    with pytest.raises(ValueError, match="too large to find the field: Expected `object`, got `array`"):
        parse_record(b"[" + b"[]," * 100)
    with pytest.raises(ValueError, match=r"too large to (read value by value|find the field)"):
        observation_of(b"[" + b"[]," * 100)
