"""The command line: exit codes, one line for a mistake, and what `run` hands to pytest."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from api_objects import both, config
from fake_api import FakeCluster, kubeconfig, serving

from podwire import __version__
from podwire.cli import main as cli
from podwire.cli.options import with_values
from podwire.cli.run import pytest_arguments
from podwire.content import content_root
from podwire.records.facts_groups import MOST_LISTED

BRIDGE = config("cni-windows", cni_conf={"type": "win-bridge"})


@pytest.fixture
def cluster(tmp_path):
    """A fake cluster and the kubeconfig that leads to it."""
    made = FakeCluster(both())
    made.objects["configmaps", "kube-system", "cni-windows"] = BRIDGE
    with serving(made.answer) as server:
        made.kubeconfig = str(kubeconfig(tmp_path / "kubeconfig", server))
        yield made


def mistake(capsys, *arguments, code=2):
    """The one line that a mistaken command ends with."""
    assert cli.main(arguments) == code
    said = capsys.readouterr()
    lines = said.err.strip().splitlines()
    assert said.out == ""
    assert len(lines) == 1
    return lines[0]


def pytest_words(*arguments):
    options = with_values(cli.parser().read(["run", *arguments]))
    return pytest_arguments(options.texts, options.pytest)


def test_version(capsys):
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out == f"podwire {__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "podwire: missing: COMMAND; see podwire --help"),
        (["lab"], "podwire: missing: up|down|status|shell|upgrade; see podwire lab --help"),
        (["signoff", "a", "b"], "podwire: missing: -o/--output, --key; see podwire"),
        (["run", "--repeat"], "podwire: argument --repeat: expected one argument; see podwire run --help"),
        (["facts", "--wired"], "podwire: facts: --wired: unknown; did you mean --wire?; see podwire facts --help"),
        (["plan", "--xyz"], "podwire: plan: --xyz: unknown; see podwire plan --help"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_code_2(arguments, said, capsys):
    assert mistake(capsys, *arguments).startswith(said)


def test_an_unknown_command_is_one_line_and_exit_code_2(capsys):
    assert mistake(capsys, "none").startswith("podwire: none: unknown command; use one of: facts, plan, ")
    assert (
        mistake(capsys, "lab", "stat") == "podwire: stat: unknown command; did you mean status?; see podwire lab --help"
    )


def test_facts_of_a_cluster_are_yaml(cluster, capsys):
    assert cli.main(["facts", "--kubeconfig", cluster.kubeconfig, "--external-host", "e.example=192.0.2.1"]) == 0
    facts = yaml.safe_load(capsys.readouterr().out)
    assert (facts["mode"], facts["emulated"], facts["version"]) == ("l2bridge", False, "1.34.0")
    assert [node["name"] for node in facts["nodes"]] == ["l", "w"]
    assert facts["external"] == {"name": "e.example", "addresses": ["192.0.2.1"], "agent": False}


def test_facts_say_whether_flows_begin_outside_and_load_balancers_get_addresses(cluster, capsys):
    outside = ("--external-host", "e.example=192.0.2.1", "--external-agent", "ssh e.example agent")
    assert cli.main(["facts", "--kubeconfig", cluster.kubeconfig, *outside, "--load-balancer"]) == 0
    facts = yaml.safe_load(capsys.readouterr().out)
    assert (facts["external"]["agent"], facts["load_balancer"]) == (True, True)


def test_facts_as_json_are_the_facts_of_each_node(cluster, capsys):
    assert cli.main(["facts", "--kubeconfig", cluster.kubeconfig]) == 0
    listed = yaml.safe_load(capsys.readouterr().out)
    assert cli.main(["facts", "--kubeconfig", cluster.kubeconfig, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == listed


def test_facts_of_many_nodes_show_groups_and_json_shows_each(cluster, capsys):
    template = cluster.objects["nodes", None, "l"]
    for number in range(MOST_LISTED):
        name = f"l{number}"
        cluster.objects["nodes", None, name] = {**template, "metadata": {**template["metadata"], "name": name}}
    assert cli.main(["facts", "--kubeconfig", cluster.kubeconfig]) == 0
    text = capsys.readouterr().out
    assert text.startswith(f"# {MOST_LISTED + 2} nodes, in groups; with --json: each node, each signal\n")
    assert [group["nodes"] for group in yaml.safe_load(text)["node_groups"]] == [MOST_LISTED + 1, 1]
    assert cli.main(["facts", "--kubeconfig", cluster.kubeconfig, "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["nodes"]) == MOST_LISTED + 2


def test_facts_only_read(cluster):
    cli.main(["facts", "--kubeconfig", cluster.kubeconfig])
    assert {method for method, *_ in cluster.requests} == {"GET"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["facts", "--kubeconfig", "/none"], "podwire: kubeconfig /none: cannot be read: No such file or directory"),
        (["facts", "--lab", "none"], "podwire: --lab none: unknown; use one of: overlay-win-overlay"),
        (
            ["facts", "--context", "x", "--external-host", "a b"],
            "podwire: --external-host a b: 'a b' is not a DNS name",
        ),
        (["facts", "--context", "x", "--external-agent", "ssh x"], "podwire: --external-agent: needs --external-host"),
        (
            ["facts", "--kubeconfig", "/x", "--lab", "l2bridge-win-bridge"],
            "podwire: --lab and --kubeconfig exclude each other: --lab is for the lab, --kubeconfig names ",
        ),
        (["plan", "--context", "x", "--fault", "dns-refused"], "podwire: --fault and --context exclude each other"),
        (
            ["facts", "--facts", "/x"],
            "podwire: --facts: applies to a real cluster only; name one with --kubeconfig or --context",
        ),
        (
            ["plan", "--facts", "/x"],
            "podwire: --facts: applies to a real cluster only; name one with --kubeconfig or --context",
        ),
        (
            ["facts", "--context", "x", "--facts", "/x"],
            "podwire: --facts /x: cannot be read: No such file or directory",
        ),
        (["cleanup", "--older-than", "soon"], "podwire: --older-than soon: is not an age"),
        (["plan", "--nodes-per-os", "two"], "podwire: --nodes-per-os two: must be a whole number, 1 or more"),
        (["plan", "--area", "none"], "podwire: --area none: unknown; use one of: "),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(arguments, said, capsys):
    assert mistake(capsys, *arguments).startswith(said)


def test_an_unreachable_server_is_exit_code_3(tmp_path, capsys):
    path = kubeconfig(tmp_path / "k", "http://nowhere.invalid")
    line = mistake(capsys, "cleanup", "--kubeconfig", str(path), code=3)
    assert line == "podwire: API server http://nowhere.invalid: its name cannot be resolved"


def test_cleanup_removes_and_says_what(cluster, capsys):
    labels = {"app.kubernetes.io/managed-by": "podwire", "podwire.dev/run": "r"}
    namespace = {"metadata": {"name": "podwire-r", "labels": labels, "creationTimestamp": "2026-01-01T00:00:00Z"}}
    cluster.objects["namespaces", None, "podwire-r"] = namespace
    assert cli.main(["cleanup", "--kubeconfig", cluster.kubeconfig, "--dry-run"]) == 0
    assert capsys.readouterr().out.startswith("would remove namespace podwire-r (run of an unknown owner, ")
    assert cli.main(["cleanup", "--kubeconfig", cluster.kubeconfig]) == 0
    assert capsys.readouterr().out.startswith("removed namespace podwire-r (run r of an unknown owner, ")
    assert cli.main(["cleanup", "--kubeconfig", cluster.kubeconfig]) == 0
    assert capsys.readouterr().out == "context test: nothing to remove\n"


def test_a_plan_names_cases_expectations_and_exclusions(capsys):
    assert cli.main(["plan", "--lab", "overlay-win-overlay", "--area", "encapsulation"]) == 0
    listing = capsys.readouterr().out
    assert "encapsulation/" in listing
    assert "answered by the server" in listing
    assert " exclusions\n" in listing


def test_a_plan_takes_stated_facts(cluster, tmp_path, capsys):
    facts = tmp_path / "facts.yaml"
    facts.write_text("denied_port: true\n")
    assert cli.main(["plan", "--kubeconfig", cluster.kubeconfig, "--facts", str(facts), "--area", "dns"]) == 0
    assert " exclusions\n" in capsys.readouterr().out


def test_run_hands_its_options_to_pytest():
    words = pytest_words(
        *("--context", "prod", "--area", "dns", "--area", "egress", "--keep", "--load-balancer"),
        *("--external-host", "host", "--external-agent", "ssh host agent", "--", "-k", "tcp"),
    )
    assert [word for word in words if word.startswith(("--context", "--area", "--keep", "--external", "--load"))] == [
        "--context=prod",
        "--external-host=host",
        "--external-agent=ssh host agent",
        "--load-balancer",
        "--area=dns",
        "--area=egress",
        "--keep",
    ]
    assert words[-3:] == ["-k", "tcp", str(content_root() / "suites")]


def test_run_takes_pytests_own_places_instead_of_all_suites():
    place = str(content_root() / "suites")
    assert pytest_words("--", f"{place}::x")[-1] == f"{place}::x"


def test_paths_stay_right_when_pytest_changes_its_folder(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    words = pytest_words("--kubeconfig", "k", "--run-dir", "r")
    assert f"--kubeconfig={tmp_path / 'k'}" in words
    assert f"--run-dir={tmp_path / 'r'}" in words
    assert "--kubeconfig=in-cluster" in pytest_words("--kubeconfig", "in-cluster")


def test_run_collects_the_suites_in_process_and_gives_pytests_exit_code(tmp_path):
    # What pytest set for this process must not reach the one that it starts.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    command = [sys.executable, "-m", "podwire", "run", "--area", "dns", "--", "--collect-only", "-q"]
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "test_" in done.stdout
    assert json.dumps(sorted(p.name for p in Path(tmp_path).iterdir())) == "[]"


def test_commands_are_quick_to_say_their_version():
    # Nothing heavy is imported before it is needed: a shell completes and scripts ask often.
    code = "import sys, podwire.cli.main; print(sorted({'kubernetes', 'pytest', 'aiohttp', 'yaml'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=False)
    assert done.stdout == "[]\n", done.stderr
