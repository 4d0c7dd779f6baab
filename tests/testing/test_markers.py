"""`-m` chooses cases: every marker is registered, and selects the cases that it describes."""

import subprocess
import sys

import pytest
from running import CHECKOUT, PATIENCE, environment

from podwire.content import suites_folder
from podwire.testing.markers import registered


def listed(*arguments):
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments],
        cwd=CHECKOUT,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def collected(*arguments):
    lines = listed("--collect-only", "-q", *arguments).splitlines()
    return {line for line in lines if "::" in line}


def test_pytest_lists_every_marker_with_its_meaning():
    text = listed("--markers")
    for name, words in registered(suites_folder()).items():
        assert f"@pytest.mark.{name}: {words}" in text


@pytest.fixture(scope="module")
def cases():
    return collected("--strict-markers")


def test_area_os_and_family_choose_cases_by_their_flows():
    lab = ("--lab", "l2bridge-win-bridge", "--area", "pod_to_pod")
    chosen = collected(*lab, "--strict-markers", "-m", "pod_to_pod and windows and ipv6 and not linux")
    expected = {line for line in collected(*lab) if "-v6-windows-windows-" in line}
    assert expected
    assert chosen == expected


def test_the_areas_part_the_cases(cases):
    assert collected("-m", "dns or services") == {
        line for line in cases if line.startswith(("suites/dns/", "suites/services/"))
    }


def test_levels_and_excuses_part_the_cases(cases):
    assert collected("-m", "must or should or may") == cases
    documented = collected("-m", "limitation")
    assert documented
    assert collected("-m", "not limitation") == cases - documented


def test_a_known_issue_marks_the_cases_of_the_builds_that_have_it():
    of_a_build = ("--area", "services", "--windows-build", "17763.1")
    every, chosen = collected(*of_a_build), collected(*of_a_build, "-m", "known_issue and windows")
    assert chosen
    assert chosen | collected(*of_a_build, "-m", "not known_issue") == every
