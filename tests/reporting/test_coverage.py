"""`coverage.html`: every sentence of the catalogue, with what a run has to say about it."""

from html_page import Page
from records_for_tests import case, record

from podwire.model.requirements import Catalogue, Citation, Limitation, Requirement, StatedFact
from podwire.model.verdicts import Outcome
from podwire.records.run import ExclusionRecord
from podwire.reporting.coverage import coverage_html, sentences, write_coverage
from podwire.reporting.pages import NOT_RUN, STATED
from podwire.reporting.words import MISSING

FLOWS = Citation(document="Networking on Windows", part="flows", url="https://example.org/flows")
NOTES = Citation(document="Release notes")


def rule(identity):
    return Requirement(
        id=identity, area="services", level="MUST", statement=f"{identity} holds.", sources=(FLOWS, NOTES)
    )


CATALOGUE = Catalogue(
    areas={"services": "Services"},
    requirements={name: rule(name) for name in ("SVC-CLUSTER-IP", "SVC-UDP")},
    limitations=(
        Limitation(
            id="LIM-EXAMPLE",
            requirements=("SVC-UDP",),
            kind="documented",
            statement="<No> datagrams.",
            symptom="no-answer",
            sources=(NOTES,),
        ),
    ),
    facts=(
        StatedFact(id="FACT", area="services", statement="It is fast.", reason="No bound is given.", sources=(NOTES,)),
    ),
)


def told(*cases, **changes):
    return {one.id: one for one in sentences(record(*cases, **changes), CATALOGUE)}


def test_every_sentence_is_there_and_says_what_it_is():
    assert {name: one.kind for name, one in told().items()} == {
        "SVC-CLUSTER-IP": "MUST",
        "SVC-UDP": "MUST",
        "LIM-EXAMPLE": "LIMIT",
        "FACT": "STATED",
    }


def test_outcomes_are_counted_by_requirement_and_by_limitation():
    limited = case(Outcome.LIMITATION_CONFIRMED, words="udp-v4-linux-windows-x", requirement="SVC-UDP")
    found = told(case(), case(Outcome.FAIL, words="tcp-v6-linux-windows-x"), limited)
    assert found["SVC-CLUSTER-IP"].came_to == ((Outcome.PASS, 1), (Outcome.FAIL, 1))
    assert found["SVC-UDP"].came_to == found["LIM-EXAMPLE"].came_to == ((Outcome.LIMITATION_CONFIRMED, 1),)


def test_what_was_not_run_says_so_and_why():
    ruled_out = ExclusionRecord(requirement="SVC-UDP", cases="all", reason="needs overlay")
    found = told(exclusions=(ruled_out, ruled_out))["SVC-UDP"]
    assert (found.came_to, found.why) == (((NOT_RUN, 1),), ("Not applicable (2): needs overlay",))


def test_a_case_without_a_result_is_counted():
    assert told(missing=("services/SVC-UDP[x]",))["SVC-UDP"].came_to == ((MISSING, 1),)


def test_a_stated_fact_has_its_reason():
    found = told()["FACT"]
    assert (found.came_to, found.why) == (((STATED, 1),), ("No bound is given.",))


def test_sentences_stand_below_the_document_that_they_cite_first(tmp_path):
    text = write_coverage(record(case()), CATALOGUE, tmp_path).read_text(encoding="utf-8")
    assert text.index("Networking on Windows</h2>") < text.index("SVC-UDP</span>") < text.index("Release notes</h2>")


def test_the_page_is_well_formed_and_its_texts_stay_texts():
    text = coverage_html(record(case()), CATALOGUE)
    assert len([one for one in Page(text).of("tr") if "data-o" in one]) == 4
    assert "&lt;No&gt; datagrams." in text
