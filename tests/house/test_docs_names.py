"""Names in the documentation exist: files, folders, headings behind links, targets of make, inline commands."""

import re
import shlex

import pytest

from podwire.cli.main import parser
from podwire.content import content_root

ROOT = content_root()
PAGES = sorted(
    path
    for pattern in ("*.md", "docs/**/*.md", "manifests/*.md", "findings/**/*.md", "reports/example/README.md")
    for path in ROOT.glob(pattern)
)
FOLDERS = ("src", "suites", "docs", "tests", "tools", "bench", "manifests", "fixtures", "findings", "reports")
# Runs put their results there; a checkout does not have them.
MADE_BY_RUNS = ("reports/runs", "reports/replay", "reports/profiles", "reports/mutants")
CODE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
LINK = re.compile(r"\]\(([^)\s]+)\)")
FENCE = re.compile(r"^\s*```.*?^\s*```", re.MULTILINE | re.DOTALL)
PATH = re.compile(rf"(?:{'|'.join(FOLDERS)})/[\w./*<>-]*")
TARGET = re.compile(r"(?:^|[`(])make ([a-z][a-z-]*)", re.MULTILINE)
# A word of a usage that stands for a value of the user.
PLACEHOLDER = re.compile(r"[A-Z]{2,}|\.\.\.|<")


def name(page):
    return page.relative_to(ROOT).as_posix()


def anchors(page):
    """The anchors that GitHub gives the headings of a page."""
    headings = re.findall(r"^#+ (.*)$", FENCE.sub("", page.read_text()), re.MULTILINE)
    plain = (re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).strip().lower() for heading in headings)
    return {re.sub(r"[^\w\- ]", "", heading).replace(" ", "-") for heading in plain}


def takes(words):
    """Whether podwire accepts these arguments; --help and --version end with 0."""
    try:
        parser().parse_args(words)
    except SystemExit as end:
        return end.code == 0
    return True


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_a_path_in_a_page_exists(page):
    for code in CODE.findall(page.read_text()):
        if PATH.fullmatch(code) and not code.startswith(MADE_BY_RUNS):
            assert list(ROOT.glob(re.sub(r"<[^>]+>", "*", code.rstrip("/")))), code


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_a_link_leads_to_a_heading_that_exists(page):
    for link in LINK.findall(page.read_text()):
        file, _, anchor = link.partition("#")
        target = page.parent / file if file else page
        if "://" not in link and anchor and target.suffix == ".md":
            assert anchor in anchors(target), link


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_make_has_the_targets_of_a_page(page):
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(TARGET.findall(page.read_text())) <= targets


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_podwire_takes_the_commands_within_the_text_of_a_page(page):
    for code in CODE.findall(FENCE.sub("", page.read_text())):
        words = shlex.split(code) if code.startswith("podwire ") else []
        if len(words) > 2 and not any(map(PLACEHOLDER.search, words)):
            assert takes(words[1:]), code
