"""`podwire list` and `podwire completion`: names of all kinds, for people and for a shell."""

import json
import subprocess
import sys

import pytest

from podwire.cli import main as cli
from podwire.cli.lists import SUBJECTS


def listed(capsys, *words):
    assert cli.main(["list", *words]) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize(
    ("subject", "line"),
    [
        ("areas", "policies       Network policies, 26 requirements"),
        ("requirements", "ADDR-HOST-LOCAL"),
        ("limitations", "LIM-AFF-WS2019"),
        ("profiles", "nat "),
        ("variations", "node-local-dns "),
        ("faults", "outbound-nat-missing "),
        ("kinds", "windows-2022              a node with Windows of build 20348"),
    ],
)
def test_each_subject_lists_its_names(capsys, subject, line):
    lines = listed(capsys, subject).splitlines()
    assert any(row.startswith(line) for row in lines)
    assert all(row.split(maxsplit=1)[1:] for row in lines), "each name has words that say what it is"


def test_a_list_is_json_on_demand(capsys):
    assert {name: json.loads(listed(capsys, name, "--json")) for name in SUBJECTS}["profiles"]["nat"]


def test_an_unknown_subject_is_one_line(capsys):
    assert cli.main(["list", "fault"]) == 2
    assert capsys.readouterr().err == "podwire: list fault: unknown; did you mean faults?\n"


def test_each_kind_is_taken_by_require(capsys):
    from podwire.running.option_values import node_kind

    kinds = [kind for kind in json.loads(listed(capsys, "kinds", "--json")) if "BUILD" not in kind]
    assert [node_kind(kind).text for kind in kinds] == kinds


@pytest.fixture(scope="module")
def in_bash(tmp_path_factory):
    """What bash offers behind the words of a command line."""
    script = tmp_path_factory.mktemp("completion") / "podwire"
    command = ["podwire", "completion", "bash"]
    program = "import sys; from podwire.cli.main import main; sys.exit(main())"
    script.write_text(subprocess.check_output([sys.executable, "-c", program, *command[1:]], text=True), "utf-8")

    def offered(*words):
        quoted = " ".join(f"'{word}'" for word in words)
        ask = (
            f"COMP_WORDS=({quoted}); COMP_CWORD={len(words) - 1}; _shtab_podwire; printf '%s\\n' \"${{COMPREPLY[@]}}\""
        )
        return subprocess.check_output(["bash", "-c", f"source '{script}'; {ask}"], text=True).split()

    return offered


@pytest.mark.parametrize(
    ("words", "offer"),
    [
        (("podwire", "lis"), ["list"]),
        (("podwire", "run", "--area", "dn"), ["dns"]),
        (("podwire", "run", "--lab", "l2t"), ["l2tunnel-azure-cni"]),
        (("podwire", "plan", "--lab", "nat", "--requirement", "FLOW-POD-EXT-I"), ["FLOW-POD-EXT-IP"]),
        (("podwire", "mutants", "outbound-nat-m"), ["outbound-nat-missing"]),
        (("podwire", "list", "k"), ["kinds"]),
        (("podwire", "completion", "z"), ["zsh"]),
    ],
)
def test_bash_completes_commands_options_and_names(in_bash, words, offer):
    assert in_bash(*words) == offer


def test_an_unknown_shell_is_one_line(capsys):
    assert cli.main(["completion", "ksh"]) == 2
    assert capsys.readouterr().err == "podwire: completion ksh: unknown; use one of: bash, zsh, fish\n"
