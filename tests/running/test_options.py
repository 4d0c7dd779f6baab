"""The table of options: what each row is read as, and that nothing knows an option beside it."""

import dataclasses

import pytest

from podwire.cli.main import parser
from podwire.cli.options import TABLE, with_values
from podwire.cli.runs import gate_asked
from podwire.errors import UsageError
from podwire.gating.numbers import Rules
from podwire.model.facts import ExternalHost
from podwire.running import run_options as groups
from podwire.running.options import RUN_OPTIONS, joined_paths, read_options, rows_of
from podwire.running.run_options import ClusterOptions, RunOptions, run_options

GROUPS = {
    "lab": groups.LabOptions,
    "cluster": groups.ClusterOptions,
    "selection": groups.Selection,
    "probes": groups.ProbeOptions,
    "output": groups.OutputOptions,
}


def read(**written):
    texts = {"--" + name.replace("_", "-"): text for name, text in written.items()}
    return run_options(read_options(RUN_OPTIONS, texts))


def test_a_run_without_options_is_the_default_run():
    assert read() == RunOptions() == run_options({})


def test_every_field_of_a_run_has_its_row():
    fields = {f"{group}.{field.name}" for group, kind in GROUPS.items() for field in dataclasses.fields(kind)}
    told_by_the_target = {"selection.own_namespaces"}
    assert fields == {row.field for row in RUN_OPTIONS} | told_by_the_target
    assert {field.name for field in dataclasses.fields(RunOptions)} == set(GROUPS)


def test_an_option_has_one_row_a_command():
    assert len({(row.flag, command) for row in TABLE for command in row.commands}) == sum(
        len(row.commands) for row in TABLE
    )


def test_pytest_and_run_take_the_same_options():
    assert rows_of("pytest") == rows_of("run")


def test_the_gate_without_options_has_the_default_rules():
    _, _, rules = gate_asked(with_values(parser().read(["gate", "old", "new"])))
    assert rules == Rules()


@pytest.mark.parametrize("row", RUN_OPTIONS, ids=lambda row: row.flag)
def test_a_default_is_a_text_that_the_option_takes(row):
    if row.default:
        assert row.value(None) == row.value(row.default)


def test_values_are_typed():
    options = read(
        kubeconfig="in-cluster", external_host="e.example=192.0.2.1", external_agent="ssh 'a b'", family="ipv6"
    )
    assert options.cluster == ClusterOptions(
        kubeconfig="in-cluster",
        external_host=ExternalHost(name="e.example", addresses=("192.0.2.1",)),
        external_agent=("ssh", "a b"),
    )
    assert options.cluster.outside.agent
    assert options.selection.families == ("ipv6",)
    lab = read(dsr="off", fault=["outbound-nat-missing"], probe_timeout="0.5").lab
    assert (lab.dsr, lab.faults) == (False, ("outbound-nat-missing",))


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ({"probe_timeout": "-1"}, "--probe-timeout -1: must be a number of seconds, more than 0 and at most 3600"),
        ({"probe_timeout": "nan"}, "--probe-timeout nan: must be a number of seconds"),
        ({"probe_timeout": "1e9"}, "--probe-timeout 1e9: must be a number of seconds"),
        ({"repeat": "x"}, "--repeat x: must be a whole number, 1 or more"),
        ({"repeat": "0"}, "--repeat 0: must be a whole number"),
        ({"repeat": "1" * 5000}, "--repeat 1111"),
        ({"repeat": "٣"}, "--repeat ٣: must be a whole number"),
        ({"dsr": "maybe"}, "--dsr maybe: unknown; use one of: on, off"),
        ({"evidence": "some"}, "--evidence some: unknown; use one of: failed, all"),
        ({"lab": "overlay-win-overlai"}, "--lab overlay-win-overlai: unknown; did you mean overlay-win-overlay"),
        ({"lab": "moon"}, "--lab moon: unknown; use one of: overlay-win-overlay, "),
        ({"fault": ["outbound-nat-mising"]}, "--fault outbound-nat-mising: unknown; did you mean outbound-nat-missing"),
        ({"windows_build": "11"}, "--windows-build 11: unknown Windows build '11'; there are: "),
        ({"windows_build": "17763.1", "dsr": "on"}, "--lab overlay-win-overlay: Windows build 17763.1 has no Direct"),
        ({"run_dir": ""}, "--run-dir: must not be empty; write --run-dir DIR, or leave it out"),
        ({"context": ""}, "--context: must not be empty; write --context NAME"),
        (
            {"context": "x", "external_host": "h", "external_agent": "ssh '"},
            "--external-agent ssh ': not a command line",
        ),
        ({"nodes": [""]}, "--nodes: must not be empty; write --nodes NAME[,NAME], or leave it out"),
        ({"nodes": ["a,,b"]}, "--nodes a,,b: write names of nodes with commas"),
        ({"nodes": ["a", "b,a"]}, "--nodes a,b,a: a is named twice"),
        ({"nodes": ["a"], "all_nodes": True}, "--nodes and --all-nodes exclude each other"),
        ({"node_selector": [" "]}, "--node-selector: must not be empty; write --node-selector SELECTOR"),
        ({"lab_nodes": "6"}, "--lab-nodes 6: must be a whole number, 2 to 5"),
        (
            {"windows_ports": ["5000-4000"]},
            "--windows-ports 5000-4000: '5000-4000' is no range of ports; write FIRST-LAST",
        ),
        (
            {"windows_ports": ["1-65535"]},
            "--windows-ports 1-65535: Windows has no such port to give: 1025 is the lowest",
        ),
        ({"windows_ports": ["33000-33001"]}, "--windows-ports 33000-33001: too few ports: Windows needs 255 or more"),
        ({"windows_ports": ["33000-40000", "39000-41000"]}, "--windows-ports 33000-40000,39000-41000: the ranges"),
        (
            {"fault": ["outbound-nat-missing@"]},
            "--fault outbound-nat-missing@: write names of nodes with commas between them",
        ),
        (
            {"fault": ["outbound-nat-missing@windows-1,windows-1"]},
            "--fault outbound-nat-missing@windows-1,windows-1: windows-1 is",
        ),
        ({"fault": ["outbound-nat-missing@x"]}, "--fault outbound-nat-missing@x: x: unknown; use one of: linux-1, "),
        (
            {"fault": ["outbound-nat-missing", "outbound-nat-missing@windows-1"]},
            "--fault outbound-nat-missing@windows-1: the fault is given before, as outbound-nat-missing; give it once",
        ),
        ({"keep": True}, "--keep: applies to a real cluster only; name one with --kubeconfig or --context"),
        ({"context": "x", "external_agent": "ssh h"}, "--external-agent: needs --external-host"),
        ({"context": "x", "windows_build": "17763.1"}, "--windows-build and --context exclude each other"),
    ],
)
def test_a_wrong_value_is_one_line_that_names_the_option(written, said):
    with pytest.raises(UsageError) as caught:
        read(**written)
    assert str(caught.value).startswith(said)
    assert "\n" not in str(caught.value)


def test_a_list_given_in_parts_is_one_list():
    options = read(nodes=["a", "b,c"], windows_ports=["40000-50000", "33000-34000"])
    assert options.selection.nodes == ("a", "b", "c")
    assert options.lab.windows_ports == ("33000-34000", "40000-50000")
    written = with_values(parser().read(["plan", "--nodes", "a", "--nodes", "b"]))
    assert written.values["--nodes"] == ("a", "b")


def test_paths_apart_are_joined_to_their_options():
    words = ["--history", "h", "-k", "x", "--run-dir=r", "--kubeconfig", "k", "--facts", "f", "suites", "--run-dir"]
    assert joined_paths(words) == [
        *("--history=h", "-k", "x", "--run-dir=r", "--kubeconfig=k", "--facts=f", "suites", "--run-dir")
    ]
