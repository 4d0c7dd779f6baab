"""docs/kubectl.md: every command of the page, in its order, on one lab with the machine's kubectl."""

import contextlib
import os
import re
import shlex
import shutil
import signal
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest
from runninglab import start_lab

ROOT = Path(__file__).parents[3]
pytestmark = pytest.mark.skipif(shutil.which("kubectl") is None, reason="there is no kubectl on this machine")
_ROW = re.compile(r"^\| `(kubectl .+?)` \|(.*)\|$")


class Row(NamedTuple):
    section: str
    command: str
    says: tuple[str, ...]


def page_rows():
    section, found = "", []
    for line in (ROOT / "docs/kubectl.md").read_text(encoding="utf-8").splitlines():
        section = line.removeprefix("## ") if line.startswith("## ") else section
        row = _ROW.match(line)
        if row:
            found.append(Row(section, row[1], tuple(re.findall(r"`([^`]+)`", row[2]))))
    return found


ROWS = page_rows()
REFUSED = "What the lab does not have"


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    with start_lab("overlay-flannel-vxlan") as lab:
        home = tmp_path_factory.mktemp("home")
        copy = home / "kubeconfig"  # the page changes its namespace
        copy.write_text(lab.kubeconfig.read_text())
        yield {**os.environ, "KUBECONFIG": str(copy), "HOME": str(home)}


def following(words, environment, shown):
    """What a command that does not end has printed, once all of `shown` is there."""
    process = subprocess.Popen(
        words, env=environment, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    output = ""
    try:
        with contextlib.suppress(StopIteration):
            while not all(text in output for text in shown):
                output += next(process.stdout)
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(10)
        process.stdout.close()
    return output


def test_the_page_has_rows_in_each_of_its_sections():
    assert len(ROWS) > 50
    assert len({row.section for row in ROWS}) == 3


def problem_with(row, environment):
    """What kubectl did otherwise than the page says; empty when nothing."""
    words = shlex.split(row.command)
    if words[1] == "port-forward" or "--watch" in words:
        output, refused = following(words, environment, row.says), False
    else:
        done = subprocess.run(words, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=90, check=False)
        output, refused = done.stdout + done.stderr, done.returncode != 0
    if refused is (row.section == REFUSED) and all(text in output for text in row.says):
        return ""
    return f"{row.command}\n{output}"


def test_kubectl_says_what_the_page_says(environment):
    """The rows build on each other, so one test runs them all."""
    problems = [problem for row in ROWS if (problem := problem_with(row, environment))]
    assert not problems, "\n".join(problems)
