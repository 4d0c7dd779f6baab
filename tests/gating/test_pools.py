"""Two pools of one run: what worked in the old one must work wherever the new one takes part."""

import json

import pytest
from changed import replace
from changed_runs import edited
from pooled_runs import a_pooled_run
from suites_of_a_day import TEST

from podwire.cli import main as cli
from podwire.gating.gate import hold
from podwire.gating.pools import sides_of
from podwire.gating.runs import load_run
from podwire.records.files import load_record
from podwire.records.seal import write_seal

COVERED = TEST.replace("@flows(", "@flows(covers_nodes=True, ")
EVERYWHERE = TEST.replace('"cross-node"', '("same-node", "cross-node")')


@pytest.fixture
def pooled(run):
    """A function that leaves a run of two pools in a folder."""
    return lambda *args, **more: a_pooled_run(run, *args, **more)


def gate(capsys, folder, *more):
    code = cli.main(["gate", "--pools", "old", "new", str(folder), "--format", "json", "--allow-emulated", *more])
    said = capsys.readouterr()
    return code, json.loads(said.out) if said.out else said.err


def on_new(case):
    return any(name.startswith("windows") and name[-1] > "2" for name in (case.client.node, case.server.node))


def test_a_healthy_new_pool_is_accepted(pooled, capsys):
    code, told = gate(capsys, pooled())
    assert (code, told["changes"]) == (0, [])
    assert [name.endswith("(pool old)") for name in told["baseline"]] == [True]
    assert told["outcomes_before"] == {"pass": 4}
    assert told["outcomes_after"] == {"pass": 12}


def test_a_fault_of_the_new_pool_is_rejected_in_every_case_with_it(pooled, capsys):
    code, told = gate(capsys, pooled(on_new))
    assert code == 1
    assert {change["kind"] for change in told["changes"]} == {"regression"}
    ids = [change["case_id"] for change in told["changes"]]
    assert len(ids) == 7
    assert all("-new" in identity and "windows" in identity for identity in ids)
    assert any("from-old-to-new" in identity for identity in ids)
    assert any("from-new-to-old" in identity for identity in ids)


def test_a_fault_that_only_new_nodes_show_to_the_old_is_rejected(pooled, capsys):
    fails = lambda case: case.flow.pools.client_pool == "old" and case.flow.pools.server_pool == "new"  # noqa: E731
    code, told = gate(capsys, pooled(fails))
    assert code == 1
    assert all("from-old-to-new" in change["case_id"] for change in told["changes"])


def test_a_fault_of_both_pools_is_none_of_the_new_one(pooled, capsys):
    code, told = gate(capsys, pooled(lambda case: case.server.os == "windows"))
    assert code == 0
    assert {change["kind"] for change in told["changes"]} == {"still fails"}


def test_a_fault_of_the_old_pool_is_fixed_by_the_new_one(pooled, capsys):
    code, told = gate(capsys, pooled(lambda case: case.flow.pools.client_pool == case.flow.pools.server_pool == "old"))
    assert code == 0
    assert {change["kind"] for change in told["changes"]} == {"fixed"}


def test_a_case_that_the_new_pool_lacks_is_listed_and_rejects(pooled, capsys):
    code, told = gate(capsys, pooled(count=3))
    assert code == 1
    assert {change["kind"] for change in told["changes"]} == {"vanished case"}
    assert {change["case_id"].partition("[")[2]: change["reason"] for change in told["changes"]} == {
        f"tcp-v4-{os}-{os}-cross-node-from-old-to-old]": "the facts exclude it: needs two usable "
        f"{name} nodes in pool new"
        for os, name in (("linux", "Linux"), ("windows", "Windows"))
    }


def test_a_case_that_the_old_pool_lacks_is_listed_and_its_failure_rejects(pooled, capsys):
    folder = pooled(lambda case: "linux-linux-cross-node-from-new-to-new" in case.id)
    made = load_run(folder)
    cases = tuple(case for case in made.record.cases if "linux-linux-cross-node-from-old-to-old" not in case.id)
    sides = sides_of(replace(made, record=replace(made.record, cases=cases)), "old", "new")
    assert sides.notes[0] == (
        f"pool old has no counterpart of {sides.new.record.cases[0].area}/"
        "ONE[tcp-v4-linux-linux-cross-node-from-new-to-new] (fail)"
    )
    found = hold([sides.old], [sides.new], allow_emulated=True)
    assert [change.kind for change in found.changes if change.rejects] == ["new failure"]


def test_the_facts_that_differ_are_those_of_the_pools(pooled, capsys):
    code, told = gate(capsys, pooled(build="10.0.26100.1"))
    assert code == 0
    changed = {fact["name"]: (fact["before"], fact["after"]) for fact in told["facts"]}
    assert changed["Windows build"] == ("20348 on 2 nodes", "26100 on 2 nodes")


def test_cases_between_nodes_of_no_pool_are_counted_and_not_compared(pooled, capsys):
    code, told = gate(capsys, pooled(lambda case: {case.client.os, case.server.os} == {"linux"}, of_linux=False))
    assert code == 0
    assert "1 cases use no node of a pool and are not compared; 1 of them failed" in told["nodes"]


def test_cases_of_chosen_nodes_are_held_against_all_that_are_alike(pooled, capsys):
    code, told = gate(capsys, pooled(lambda case: case.server.node == "windows-4", test=COVERED))
    assert code == 1
    assert all(change["before"] == "pass" for change in told["changes"])
    assert any("-to-node-2-from-new-to-new" in change["case_id"] for change in told["changes"])


@pytest.mark.parametrize(
    ("names", "why"),
    [
        (("old", "newer"), "has no pool newer; its pools are new and old"),
        (("old", "old"), "--pools old old: name two different pools"),
    ],
)
def test_pools_that_the_run_has_not_are_refused(pooled, capsys, names, why):
    assert cli.main(["gate", "--pools", *names, str(pooled()), "--allow-emulated"]) == 2
    said = capsys.readouterr().err
    assert why in said
    assert said.count("\n") == 1


def test_a_run_without_pools_says_how_to_make_them(run, capsys):
    assert cli.main(["gate", "--pools", "old", "new", str(run()), "--allow-emulated"]) == 2
    assert "it has no pools; make one with --pool, twice" in capsys.readouterr().err


def test_pools_are_of_one_run(pooled, capsys):
    folder = str(pooled())
    assert cli.main(["gate", "--pools", "old", "new", folder, folder]) == 2
    assert "give one run, without --candidate" in capsys.readouterr().err


def test_a_record_that_calls_failures_passes_is_refused(pooled, capsys):
    folder = pooled(on_new)
    text = (folder / "run.json").read_text().replace('"fail"', '"pass"')
    (folder / "run.json").write_text(text)
    write_seal(load_record(folder), folder)
    code, told = gate(capsys, folder)
    assert code == 2
    assert "the record says pass, its observations say fail" in told


def test_a_record_that_moves_a_node_to_the_other_pool_is_refused(pooled, capsys):
    folder = pooled(on_new)
    code, told = gate(capsys, edited(folder, lambda tree: _move(tree, "windows-3"), resealed=True))
    assert code == 2
    assert "cannot be judged again" in told


def _move(tree, name):
    for node in tree["facts"]["nodes"]:
        if node["name"] == name:
            node["pool"] = "old"


def test_sides_keep_the_ids_of_the_new_pool(pooled):
    sides = sides_of(load_run(pooled(test=EVERYWHERE)), "old", "new")
    ids = [{case.id for case in run.record.cases} for run in (sides.old, sides.new)]
    assert ids[0] == ids[1]
