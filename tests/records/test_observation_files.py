"""Observations on disk: what comes back, what is cut, and what is refused."""

import gzip
import hashlib
import json

import pytest
from changed import replace
from observed import a_case, a_packet, a_tunnel, an_attempt, an_observation
from records_for_tests import case, record

from podwire.model.observations import Lookup
from podwire.model.verdicts import Outcome
from podwire.records.observation_files import NAME, read_observations, write_observations
from podwire.records.observation_form import COLUMNS, line_of, observation_of
from podwire.records.observations import PACKETS_EACH_WAY, PAYLOAD, stored

TREE = line_of(stored(a_case(), an_observation(), Outcome.PASS)).decode()


def kept(several, directory):
    """A record whose observations are these, in a folder."""
    return record(case(), observations=write_observations(several, directory))


def test_an_observation_is_the_same_after_the_way_through_a_file(tmp_path):
    seen = an_observation(
        an_attempt(error="timeout"),
        [a_packet(payload=bytes(range(200, 256)), outer=a_tunnel()), a_packet("error", quoted=a_packet().packet)],
        unusable=("server-pod",),
        bindings={"client.ip": "10.244.1.2", "server.port": 80, "client.node.build": (20348, 1), "dns.ip": ("a", "b")},
        lookups=(Lookup(name="x", type="A", server="10.96.0.10", protocol="udp", at=1.5, answers=("10.0.0.1",)),),
        output="Ä",
        settled=1.25,
    )
    written = stored(a_case(), seen, Outcome.FAIL, 2)
    found = kept([written], tmp_path)
    assert read_observations(found, tmp_path) == [written]
    assert written.observation == seen


def test_an_icmp_error_that_an_older_record_calls_a_reply_is_an_error():
    seen = an_observation(packets=[a_packet("reply", quoted=a_packet().packet), a_packet("reply")])
    tree = json.loads(line_of(stored(a_case(), seen, Outcome.FAIL)))
    kept_then = [at for at, name in enumerate(tree["columns"]) if name not in ("ident", "mtu")]
    tree["columns"] = [tree["columns"][at] for at in kept_then]
    for capture in tree["captures"].values():
        capture["packets"] = [[row[at] for at in kept_then] for row in capture["packets"]]
    found = observation_of(json.dumps(tree).encode())
    assert [seen.direction for seen in found.observation.captures["client-pod"].packets] == ["error", "reply"]


def test_a_payload_is_kept_in_part_and_that_of_dns_whole():
    seen = an_observation(packets=[a_packet(payload=b"x" * 1000)])
    [one] = stored(a_case(), seen, Outcome.FAIL).observation.captures["client-pod"].packets
    assert one.packet.payload == b"x" * PAYLOAD
    seen = an_observation(packets=[a_packet(dport=53, payload=b"x" * 1000)])
    [one] = stored(a_case(), seen, Outcome.FAIL).observation.captures["client-pod"].packets
    assert one.packet.payload == b"x" * 1000


def test_many_exchanges_that_pass_keep_their_first_packets_each_way():
    several = [a_packet(at=float(at)) for at in range(PACKETS_EACH_WAY + 5)] + [a_packet("reply")]
    seen = an_observation(packets=several, attempts=(an_attempt(), an_attempt()))
    passed = stored(a_case(), seen, Outcome.PASS)
    assert passed.cut == dict.fromkeys(seen.captures, 5)
    assert passed.observation.captures["client-pod"].packets == (*several[:PACKETS_EACH_WAY], several[-1])
    assert stored(a_case(), seen, Outcome.FAIL).cut == {}
    assert stored(a_case(), replace(seen, attempts=(an_attempt(),)), Outcome.PASS).cut == {}


def put(directory, data):
    (directory / NAME).write_bytes(data)
    return {"sha256": hashlib.sha256(data).hexdigest()}


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        (lambda folder: (folder / NAME).unlink() or {}, "No such file or directory; put the file beside the run.json"),
        (lambda folder: put(folder, b"x") and {}, "its SHA-256 differs from the one in run.json"),
        (lambda folder: put(folder, b"x"), "not a compressed file of observations"),
        (
            lambda folder: put(folder, gzip.compress(b"{}" * 99)[:-9]),
            "not a compressed file of observations: it is cut off",
        ),
        (lambda folder: put(folder, gzip.compress(b"{}\n")), "line 1: case: missing"),
        (lambda folder: put(folder, gzip.compress(b"[\n")), "line 1: not JSON: Expecting value"),
        (
            lambda folder: put(folder, gzip.compress(TREE.replace("tcp", "tpc").encode())),
            "line 1: .*protocol: needs one of tcp",
        ),
        (
            lambda folder: put(folder, gzip.compress(TREE.replace('"request"', '"up"').encode())),
            r"line 1: captures.client-pod.packets\[0\].direction: needs one of request, reply",
        ),
        (
            lambda folder: put(folder, gzip.compress(TREE.replace('"direction",', "").encode())),
            "line 1: columns: direction is missing",
        ),
        (
            lambda folder: put(folder, gzip.compress(TREE.replace('"tcp",50000', "50000").encode())),
            r"line 1: captures.client-pod.packets\[0\]: needs a list of 34 values",
        ),
        (
            lambda folder: put(folder, gzip.compress(TREE.replace('"columns"', '"rows"').encode())),
            "line 1: rows: unknown field",
        ),
        (lambda folder: {"count": 7}, "holds 1 observations, but run.json counts 7"),
        (lambda folder: {"file": "../x"}, "observations.file: '../x' is not in the folder of the run"),
        (lambda folder: {"file": "x\0"}, "observations.file: .* is not a file name"),
    ],
)
def test_what_is_wrong_with_the_file_is_one_line(tmp_path, damage, complaint):
    found = kept([stored(a_case(), an_observation(), Outcome.PASS)], tmp_path)
    changed = replace(found, observations=replace(found.observations, **damage(tmp_path)))
    with pytest.raises(ValueError, match=complaint) as caught:
        read_observations(changed, tmp_path)
    assert str(caught.value).startswith(str(tmp_path))


def test_a_record_without_observations_says_so(tmp_path):
    with pytest.raises(ValueError, match="observations: the record has none"):
        read_observations(record(case()), tmp_path)


def test_rows_with_other_columns_are_read_by_their_names():
    """A release that knows fewer fields of a packet, or another order of them, wrote its own columns."""
    tree = json.loads(TREE)
    order = [at for at, name in reversed(list(enumerate(COLUMNS))) if name not in ("interface", "quoted")]
    tree["columns"] = [COLUMNS[at] for at in order]
    for capture in tree["captures"].values():
        capture["packets"] = [[row[at] for at in order] for row in capture["packets"]]
    assert observation_of(json.dumps(tree).encode()) == observation_of(TREE.encode())


@pytest.mark.parametrize(
    ("columns", "complaint"),
    [
        (["direction", "colour"], r"columns\[1\]: 'colour' is unknown"),
        (["direction", "direction"], r"columns\[1\]: 'direction' is unknown"),
        (["direction", "at"], "columns: eth_src is missing"),
        ([*COLUMNS, []], r"columns\[34\]: an empty list is unknown"),
    ],
)
def test_columns_that_no_release_wrote_are_named(columns, complaint):
    tree = json.loads(TREE) | {"columns": columns}
    with pytest.raises(ValueError, match=complaint):
        observation_of(json.dumps(tree).encode())


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("bindings", {"client.ip": ["a", 1]}, "observation.bindings.client.ip: needs texts or two whole numbers"),
        ("captures", {"wire": {"point": "client-pod", "where": "x"}}, "observation.captures: unknown field"),
        ("attempts", [{"token": "x", "started": 1, "elapsed": "long"}], r"attempts\[0\].elapsed: needs a number"),
    ],
)
def test_what_no_run_observes_is_named(name, value, complaint):
    tree = json.loads(TREE)
    tree["observation"][name] = value
    with pytest.raises(ValueError, match=complaint):
        observation_of(json.dumps(tree).encode())


def test_what_is_as_usual_is_left_out():
    seen = an_observation(settled=float("0"), output="".join([]))
    tree = json.loads(line_of(stored(a_case(), seen, Outcome.PASS)))
    assert tree.keys() == {"case", "observation", "outcome", "columns", "captures"}
    assert tree["observation"].keys() == {"case_id", "bindings", "attempts", "controls"}
    assert tree["case"]["flow"].keys() == {"client", "server", "via", "protocol", "family", "placement"}


def test_text_that_is_not_ascii_is_escaped_for_readers_of_the_first_releases():
    line = line_of(stored(a_case(), an_observation(output="\u00c4\x7f\U0001f600"), Outcome.PASS))
    assert json.loads(line)["observation"]["output"] == "\u00c4\x7f\U0001f600"
    assert rb'"output":"\u00c4\u007f\ud83d\ude00"' in line
