"""Whatever is wrong in a suite's files is one line that names the file, the entry and the field."""

import itertools
import sys

import pytest
from observed import a_flow

from podwire.catalogue.load import CatalogueError, load, load_catalogue
from podwire.content import suites_folder
from podwire.model.facts import ClusterFacts

RULE = """area: Area
requirements:
  - id: ONE
    level: MUST
    statement: Something holds.
    sources: [{document: A document}]
"""
LIMIT = """limitations:
  - id: LIM
    requirement: ONE
    kind: documented
    statement: It does not.
    symptom: no-answer
    sources: [{document: A document}]
"""
TEST = """from podwire import ANY_OS, answered_by, flows, requirement

@requirement("ONE")
@flows(client=ANY_OS, server=ANY_OS, via="pod-ip")
def test_one(flow, case):
    case.expect(answered_by(flow.server))
"""
_AREAS = itertools.count()


@pytest.fixture
def suites(tmp_path):
    area = tmp_path / f"area{next(_AREAS)}"
    area.mkdir()

    def write(rule=RULE, limit=LIMIT, test=TEST):
        (area / "requirements.yaml").write_text(rule)
        (area / "limitations.yaml").write_text(limit)
        (area / "test_area.py").write_text(test)
        return tmp_path

    yield write
    for name in [name for name in sys.modules if name.startswith(f"podwire_suites.{area.name}")]:
        del sys.modules[name]


def test_a_right_catalogue_loads(suites):
    catalogue, tests = load(suites())
    assert list(catalogue.requirements) == ["ONE"]
    assert [test.requirement for test in tests] == ["ONE"]


def test_a_limitation_may_limit_several_requirements(suites):
    two = RULE + RULE.partition("requirements:\n")[2].replace("ONE", "TWO")
    catalogue = load_catalogue(suites(rule=two, limit=LIMIT.replace("requirement: ONE", "requirement: [ONE, TWO]")))
    assert [limitation.requirements for limitation in catalogue.limitations] == [("ONE", "TWO")]


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (
            {"rule": RULE.replace("level: MUST", "level: WILL")},
            "requirements ONE, level: needs one of MUST, SHOULD, MAY",
        ),
        ({"rule": RULE.replace("level: MUST", "level: 7")}, "requirements ONE, level: needs one of MUST, SHOULD, MAY"),
        ({"rule": RULE.replace("    statement: Something holds.\n", "")}, "requirements ONE, statement: missing"),
        (
            {"rule": RULE + "    colour: red\n"},
            "requirements ONE, colour: unknown field; known fields: id, level, statement, sources, rows, when",
        ),
        (
            {"rule": RULE.replace("[{document: A document}]", "[]")},
            "requirements ONE, sources: needs at least one source",
        ),
        ({"rule": RULE.replace("[{document: A document}]", "[{part: x}]")}, "document: missing"),
        ({"rule": RULE + RULE.partition("requirements:\n")[2]}, "requirements ONE, id: ONE is defined twice"),
        ({"rule": RULE + "    when: {mode: magic}\n"}, "requirements ONE, when, mode: needs one of overlay"),
        (
            {"rule": RULE + "    when: {moon: full}\n"},
            "requirements ONE, when, moon: unknown field; known fields: mode, cni,",
        ),
        ({"rule": "area: [\n"}, "requirements.yaml: line 2, column 1: not valid YAML"),
        ({"rule": "just text\n"}, "needs a mapping, found 'just text'"),
        ({"limit": LIMIT.replace("requirement: ONE", "requirement: TWO")}, "TWO is no requirement of the catalogue"),
        (
            {"limit": LIMIT.replace("requirement: ONE", "requirement: []")},
            "requirement: needs at least one requirement",
        ),
        ({"limit": LIMIT.replace("no-answer", "sadness")}, "symptom: 'sadness' is unknown; there are: "),
        (
            {"limit": LIMIT + "    when: {builds: [a, b]}\n"},
            "when, builds entry 1: needs a build ('17763.1'), found 'a'",
        ),
        ({"test": "def test_one(): pass\n"}, "requirements ONE: no test judges it"),
        ({"test": TEST.replace('"ONE"', '"TWO"')}, "test_one: TWO is no requirement of the catalogue"),
        ({"test": TEST.replace('@requirement("ONE")\n', "")}, "test_one: names no requirement"),
        (
            {"test": TEST.replace('"pod-ip"', '("pod-ip", "cluster-ip"), closed_port=True')},
            "test_one: closed_port does not apply to flows via cluster-ip",
        ),
        ({"test": "import nothing_like_it\n"}, "cannot be imported: ModuleNotFoundError"),
    ],
)
def test_a_wrong_catalogue_is_refused_in_one_line(suites, change, complaint):
    folder = suites(**change)
    with pytest.raises(CatalogueError) as caught:
        load(folder)
    text = str(caught.value)
    assert complaint in text
    assert text.startswith(str(folder))
    assert "\n" not in text


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(CatalogueError, match=r"no area has a requirements\.yaml"):
        load_catalogue(tmp_path)


def test_the_suites_of_this_project_load():
    catalogue, tests = load(suites_folder())
    assert len(catalogue.requirements) >= 20
    assert len(tests) >= len(catalogue.requirements)


def test_a_bug_may_concern_any_requirement_and_one_of_its_own_comes_first(suites):
    bug = LIMIT.replace("kind: documented", "kind: bug")
    general = bug.replace("LIM", "ANY").replace("requirement: ONE", "requirement: any")
    catalogues = [load_catalogue(suites(limit=text)) for text in (general, general + bug.partition("\n")[2])]
    found = [catalogue.limitation_of("ONE", a_flow(), ClusterFacts(), ()) for catalogue in catalogues]
    assert [one.id for one in found] == ["ANY", "LIM"]


def test_what_is_documented_concerns_a_requirement(suites):
    with pytest.raises(CatalogueError, match="only a bug may name `any`"):
        load_catalogue(suites(limit=LIMIT.replace("requirement: ONE", "requirement: any")))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ('via="pod-ip", palcement="cross-node"', "palcement: there is no such axis; did you mean placement?"),
        ('via="pigeon"', "via='pigeon': the axis admits pod-ip, "),
        ('server_kind="dns"', "via: must be given"),
    ],
)
def test_a_wrong_axis_is_one_line_that_names_the_file_the_test_and_the_axis(suites, wrong, said):
    with pytest.raises(CatalogueError) as caught:
        load(suites(test=TEST.replace('via="pod-ip"', wrong)))
    assert f"test_area.py: test_one: @flows: {said}" in str(caught.value)
    assert "\n" not in str(caught.value)
