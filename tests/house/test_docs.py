"""The documentation: podwire accepts each command, each link leads to a file, each excerpt is in its file."""

import re
import shlex
from pathlib import Path

import pytest
import yaml

from podwire.cli.main import parser
from podwire.content import content_root
from podwire.gating.runs import load_run
from podwire.platforms.stated_file import load_stated_facts

ROOT = content_root()
PAGES = sorted(
    [
        ROOT / "README.md",
        ROOT / "CONTRIBUTING.md",
        ROOT / "manifests/README.md",
        *(ROOT / "docs").glob("*.md"),
        *(ROOT / "reports").glob("**/README.md"),
    ]
)
FACTS = ROOT / "docs/examples/facts.yaml"
EXAMPLES = sorted(set((ROOT / "docs/examples").glob("*.yaml")) - {FACTS})
FENCE = re.compile(r"^```\w*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
EXCERPT = re.compile(r"^<!-- from: (\S+) -->\n```\w*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")


def name(path):
    return path.relative_to(ROOT).as_posix()


def commands(text):
    """Each line that begins with podwire, without its comment and without the shell's part."""
    for line in text.splitlines():
        found = re.match(r"\s*(?:\.venv/bin/)?podwire\s+(.*)", line)
        if found:
            yield re.split(r"\s#|\s(?:\|\|?|&&|>)\s", found[1])[0]


def texts(tree):
    """Every text of a tree."""
    if isinstance(tree, str):
        return [tree]
    below = tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ()
    return [text for part in below for text in texts(part)]


def takes(command):
    """Whether podwire accepts this command; --help and --version end with 0."""
    try:
        parser().parse_args(shlex.split(command.replace("...", "")))
    except SystemExit as end:
        return end.code == 0
    return True


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_podwire_takes_the_commands_of_a_page(page):
    for command in commands("\n".join(FENCE.findall(page.read_text()))):
        assert takes(command), command


@pytest.mark.parametrize("example", EXAMPLES, ids=name)
def test_podwire_takes_the_commands_of_an_example(example):
    tree = yaml.safe_load(example.read_text())
    found = [command for text in texts(tree) for command in commands(text)]
    assert found
    for command in found:
        assert takes(command), command


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_a_link_leads_to_a_file(page):
    for link in LINK.findall(page.read_text()):
        assert "://" in link or (page.parent / link).exists(), link


def test_an_excerpt_stands_in_the_file_that_it_names():
    """Its lines are in the file, in their order; `...` stands for omitted lines."""
    excerpts = [found for page in PAGES for found in EXCERPT.findall(page.read_text())]
    assert len(excerpts) >= 5
    for file, excerpt in excerpts:
        lines = iter((ROOT / file).read_text().splitlines())
        for line in excerpt.splitlines():
            assert line.strip() == "..." or line in lines, f"{file}: {line}"


def test_there_are_commands_to_look_at():
    assert sum(len(list(commands("\n".join(FENCE.findall(Path(page).read_text()))))) for page in PAGES) > 20


def test_the_example_of_stated_facts_can_be_read_whatever_of_it_is_used():
    whole = FACTS.read_text()
    assert load_stated_facts(FACTS).network.mode == "l2tunnel"
    tree = yaml.safe_load(re.sub(r"^# (?=\w+:)", "", whole, flags=re.MULTILINE))
    assert set(tree) == {
        "encapsulation",
        "families",
        "cluster_domain",
        "pod_security_group",
        "windows_ports",
        "linux_translation",
        "dns_caches",
        "path_mtu",
        "windows_policies",
        "unused_networks",
        *yaml.safe_load(whole),
    }


def test_the_example_is_whole_and_judged_today_as_it_was():
    run = load_run(ROOT / "reports/example/run")
    assert run.record.emulated
    assert not run.absent
    assert {"fail", "pass", "limitation confirmed"} == {str(case.verdict.outcome) for case in run.record.cases}
