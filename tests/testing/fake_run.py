"""A conftest for pytester: the plugin with a runner whose observations are made by hand. No lab, no cluster."""

CONFTEST = """
import sys
sys.path.insert(0, {helpers!r})
from pathlib import Path

import podwire.content, podwire.testing.session, podwire.running.runner, podwire.running.scope
from msgspec import structs
from observed import an_attempt, an_observation
from podwire.catalogue.load import load
from podwire.probing.sightings import Sighting
from podwire.running.rounds import Rounds

SUITES = Path(__file__).parent / "suites"
podwire.content.suites_folder = podwire.running.scope.suites_folder = lambda: SUITES
pytest_plugins = ["case_fixtures", "workload_fixtures"]
DAMAGE = {damage!r}


def rounds(case, spool):
    found = Rounds(spool, in_memory=False)
    found.add(Sighting(observation=seen(case)))
    if any(words in case.id and what == "flaky" for words, what in DAMAGE.items()):
        found.add(Sighting(observation=seen(case, silent=True)))
    return found


def seen(case, silent=False):
    changes = {{}}
    attempt = an_attempt(error="timeout") if silent else an_attempt(identity="server")
    for words, what in DAMAGE.items():
        if words in case.id:
            if what == "silent":
                attempt = an_attempt(error="timeout")
            if what == "unsure":
                changes["problem"] = "the probe died"
            if what == "hostile":
                changes["problem"] = "\\x1b]0;owned\\x07\\x1b[32mPASS\\u202e"
            if what == "other":
                attempt = an_attempt(identity="somebody else")
    observation = an_observation(attempt, case_id=case.id, **changes)
    bindings = {{**observation.bindings, "server.identity": "server"}}
    return structs.replace(observation, bindings=bindings)


class Runner(podwire.running.runner.Runner):
    def begin(self):
        pass  # No lab.

    def observe(self, cases):
        with self._turn:  # Workers ask at the same time.
            self.planned |= {{case.id: case for case in cases}}
            if not self.seen:
                self.seen |= {{case.id: rounds(case, self._spool) for case in cases}}
                (Path(__file__).parent / "observed").open("a").write("x")
            return self.seen


podwire.testing.session.Runner = Runner
"""

REQUIREMENTS = """
area: Area
requirements:
  - id: ONE
    level: MUST
    statement: One holds.
    sources: [{document: A document}]
  - id: TWO
    level: SHOULD
    statement: Two holds.
    sources: [{document: A document}]
"""
LIMITATIONS = """
limitations:
  - id: LIM-TWO
    requirement: TWO
    kind: documented
    statement: Two does not hold on Windows.
    symptom: no-answer
    when: {client: windows}
    sources: [{document: A document}]
"""
TESTS = """
from podwire import ANY_OS, answered_by, flows, requirement

@requirement("ONE")
@flows(client=ANY_OS, server=ANY_OS, placement="cross-node", via="pod-ip", protocol="tcp", family="ipv4")
def test_one(flow, case):
    case.expect(answered_by(flow.server))

@requirement("TWO")
@flows(client=ANY_OS, server=ANY_OS, placement="cross-node", via="pod-ip", protocol="tcp", family="ipv4")
def test_two(flow, case):
    case.expect(answered_by(flow.server))
"""


def lay_out(pytester, helpers, fixtures, damage=None, tests=TESTS):
    """A checkout in miniature below pytester's folder."""
    area = pytester.mkdir("suites") / "area"
    area.mkdir()
    (area / "requirements.yaml").write_text(REQUIREMENTS)
    (area / "limitations.yaml").write_text(LIMITATIONS)
    (area / "test_area.py").write_text(tests)
    pytester.makeconftest(CONFTEST.format(helpers=str(helpers), damage=damage or {}))
    options = "--import-mode=importlib -p no:cacheprovider --no-report --run-dir=run"
    pytester.makeini(f"[pytest]\naddopts = {options}\npythonpath = {fixtures} .\n")
