"""The agent drives Windows' pktmon by its command line; here a script stands in its place and notes its orders."""

import json
import os
import stat

import pytest
from agent_for_tests import agent

from podwire.agent.capture.pktmon import megabytes
from podwire.probing.client import AgentError

PKTMON = """#!/bin/sh
echo "$@" >> "$LOG"
case "$1" in
list) cat "$LISTING" ;;
start) for word; do last=$word; done; echo capture > "$last" ;;
stop) echo "$STOP_SAYS" ;;
etl2pcap) [ -n "$FAIL" ] && { echo "no such file"; exit 1; }; printf 'pcapng of %s' "$6" > "$4"
    printf "$SAYS_OF_FILE" ;;
esac
"""


def component(number, name, kind, mac=""):
    properties = [{"Name": "ifIndex", "Value": 8}, *([{"Name": "MAC Address", "Value": mac}] if mac else [])]
    return {"Id": number, "Name": name, "Type": kind, "Properties": properties, "Counters": []}


NODE, POD = "00-15-5D-00-00-0B", "00-15-5D-AA-BB-CC"
LISTING = [
    {
        "Group": "vEthernet (Ethernet)",
        "Components": [component(9, "Hyper-V Virtual Ethernet Adapter", "Miniport", NODE)],
    },
    {
        "Group": "Ethernet",
        "Components": [component(12, "Intel(R) Ethernet", "Miniport", NODE), component(13, "TCPIP", "Protocol")],
    },
    {"Group": "vSwitch", "Components": [component(20, "Container NIC 1", "VM NIC", POD)]},
]


@pytest.fixture
def node(tmp_path):
    """A folder with a pktmon in it, and a client of an agent that finds it there; `orders()` is what it was told."""
    tool = tmp_path / "pktmon"
    tool.write_text(PKTMON)
    tool.chmod(tool.stat().st_mode | stat.S_IXUSR)
    (tmp_path / "listing").write_text(json.dumps(LISTING))
    (tmp_path / "temp").mkdir()
    return tmp_path


def environment(node, **more):
    own = {
        "LOG": str(node / "log"),
        "LISTING": str(node / "listing"),
        "TMPDIR": str(node / "temp"),
        "STOP_SAYS": "",
        "SAYS_OF_FILE": "",
        "FAIL": "",
    }
    return {**os.environ, "PATH": f"{node}:{os.environ['PATH']}", **own, **more}


def orders(node):
    return [line.split() for line in (node / "log").read_text().splitlines()]


def begin(client, **more):
    return client.call("capture_start", {"capture": "c", "via": "pktmon", **more}).result(20)["interfaces"]


def test_one_component_for_each_mac_and_the_adapter_before_its_virtual_copy(node):
    with agent(env=environment(node)) as client:
        found = begin(client)
        assert [(one["id"], one["name"], one["mac"]) for one in found] == [
            (12, "Intel(R) Ethernet", NODE.lower().replace("-", ":")),
            (20, "Container NIC 1", POD.lower().replace("-", ":")),
        ]
        data = client.capture_stop("c").result(20)
    assert data.interfaces == {"Intel(R) Ethernet": b"pcapng of 12", "Container NIC 1": b"pcapng of 20"}
    assert (data.dropped, data.count) == (0, None)
    verbs = [order[0] for order in orders(node)]
    assert verbs == ["list", "filter", "start", "stop", "etl2pcap", "etl2pcap"]
    start = orders(node)[2]
    size = str(megabytes(os.cpu_count()))
    whole = ["start", "--capture", "--comp", "all", "--pkt-size", "0", "--file-size", size, "--file-name"]
    assert start[:-1] == whole
    assert not any((node / "temp").iterdir())


@pytest.mark.parametrize(
    ("says", "accepted"),
    [
        ("Packets total:       9\\r\\nPacket drop count:   0\\r\\nPackets formatted:   7\\r\\n", 7),
        ("Packets formatted:    146,432\\n", 146_432),
        ("Formatierte Pakete:    7\\n", None),
    ],
)
def test_pktmon_says_how_many_packets_it_wrote(node, says, accepted):
    with agent(env=environment(node, SAYS_OF_FILE=says)) as client:
        begin(client, interfaces=["Container NIC 1"])
        told = client.capture_stop("c").result(20).accepted
    assert told == ({} if accepted is None else {"Container NIC 1": accepted})


@pytest.mark.parametrize(
    ("wanted", "ids"),
    [
        ({"addresses": [POD]}, [20]),
        ({"interfaces": ["9"]}, [9]),
        ({"interfaces": ["TCPIP", "Container NIC 1"]}, [13, 20]),
    ],
)
def test_components_are_chosen_by_mac_number_or_name(node, wanted, ids):
    with agent(env=environment(node)) as client:
        assert [one["id"] for one in begin(client, **wanted)] == ids
        assert len(client.capture_stop("c").result(20).interfaces) == len(ids)


def test_nothing_is_handed_over_before_the_session_ends(node):
    with agent(env=environment(node)) as client:
        begin(client)
        with pytest.raises(AgentError, match="only when its session ends"):
            client.capture_read("c").result(20)
        assert client.capture_stop("c").result(20).interfaces["Container NIC 1"] == b"pcapng of 20"


def test_filters_are_set_before_the_session_and_removed_after_it(node):
    with agent(env=environment(node)) as client:
        begin(client, filters=[["-i", "10.244.1.10/32", "-e", "4789"], ["-t", "ICMP"]])
        client.capture_stop("c").result(20)
    done = [" ".join(order) for order in orders(node) if order[0] in ("filter", "stop")]
    assert done == [
        "filter remove",
        "filter add -i 10.244.1.10/32 -e 4789",
        "filter add -t ICMP",
        "stop",
        "filter remove",
    ]


def test_a_pktmon_that_takes_no_such_filter_captures_everything(node):
    script = (node / "pktmon").read_text().replace('case "$1" in', '[ "$2 $3" = "add -e" ] && exit 1\ncase "$1" in')
    (node / "pktmon").write_text(script)
    with agent(env=environment(node)) as client:
        begin(client, filters=[["-t", "ICMP"], ["-e", "4789"]])
        client.capture_stop("c").result(20)
    done = [" ".join(order) for order in orders(node) if order[0] in ("filter", "start")]
    assert done[:4] == ["filter remove", "filter add -t ICMP", "filter add -e 4789", "filter remove"]
    assert done[4].startswith("start")


def test_lost_events_are_counted_as_dropped(node):
    with agent(env=environment(node, STOP_SAYS="Log file: x.etl (17 events lost)")) as client:
        begin(client)
        assert client.capture_stop("c").result(20).dropped == 17


@pytest.mark.parametrize(
    ("wanted", "text"),
    [
        ({"interfaces": ["x"]}, "pktmon has no component x"),
        ({"addresses": ["10.9.9.9"]}, "10.9.9.9 is neither a MAC nor"),
    ],
)
def test_what_is_not_there_is_said(node, wanted, text):
    with agent(env=environment(node)) as client, pytest.raises(AgentError, match=text):
        begin(client, **wanted)


def test_a_conversion_that_fails_is_told_in_its_own_words_and_leaves_nothing(node):
    with agent(env=environment(node, FAIL="1")) as client:
        begin(client)
        with pytest.raises(AgentError, match="pktmon etl2pcap: exit code 1: no such file"):
            client.capture_stop("c").result(20)
    assert not any((node / "temp").iterdir())


def test_a_listing_that_cannot_be_read_is_said(node):
    (node / "listing").write_text("Unknown command")
    with agent(env=environment(node)) as client, pytest.raises(AgentError, match="list --json: cannot be read"):
        begin(client)


def test_the_session_ends_with_the_agent(node):
    with agent(env=environment(node)) as client:
        begin(client)
        client.call("bye").result(20)
    assert orders(node)[-1] == ["stop"]
    assert not any((node / "temp").iterdir())


def test_a_session_that_a_killed_agent_left_is_ended_by_the_next(node):
    with agent(env=environment(node)) as client:
        begin(client)
        os.kill(client.call("hello").result(10)["pid"], 9)
    with agent(env=environment(node)) as client:
        begin(client)
        client.capture_stop("c").result(20)
    assert [order[0] for order in orders(node)].count("stop") == 2
    assert not any((node / "temp").iterdir())


@pytest.mark.parametrize(("cpus", "size"), [(1, 512), (8, 512), (9, 576), (64, 4096), (512, 8192)])
def test_the_file_grows_with_the_cpus(cpus, size):
    assert megabytes(cpus) == size
