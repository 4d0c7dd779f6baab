"""Rows and the entries that cover them, on hand-made catalogues: no row is lost, no entry contradicts another."""

import pytest

from podwire.catalogue.load import CatalogueError, load_rows, rows_told
from podwire.catalogue.rows import Row, complaints, counts, homes, listing, tree
from podwire.model.conditions import Condition
from podwire.model.requirements import Catalogue, Citation, Limitation, Requirement, StatedFact

ANYWHERE = Condition()
SOURCE = (Citation(document="A document"),)


def row(identity, kind="promise"):
    return Row(id=identity, area=4, title="Names", kind=kind, severity="must", statement="A name resolves.")


def rule(identity, *rows):
    return Requirement(id=identity, area="dns", level="MUST", statement="It holds.", sources=SOURCE, rows=rows)


def limit(identity, *rows, kind="documented", when=ANYWHERE):
    return Limitation(
        id=identity,
        requirements=("R",),
        kind=kind,
        statement="It does not.",
        symptom="no-answer",
        sources=SOURCE,
        rows=rows,
        when=when,
    )


def fact(identity, *rows):
    return StatedFact(id=identity, area="dns", statement="So it is.", reason="no packet", sources=SOURCE, rows=rows)


def catalogue(rules=(), limits=(), facts=()):
    return Catalogue(
        areas={"dns": "DNS"},
        requirements={rule.id: rule for rule in rules},
        limitations=tuple(limits),
        facts=tuple(facts),
    )


BUG = limit("KI", "W-ISSUE", kind="bug", when=Condition.of(builds=("20348.0", "20348.680")))
ROWS = (row("W-RULE"), row("W-LIMIT", "limit"), row("W-ISSUE", "issue"), row("W-STATE", "state"), row("W-NOTE", "note"))
WHOLE = catalogue(
    [rule("R", "W-RULE", "W-LIMIT", "W-STATE", "W-ISSUE")], [limit("L", "W-LIMIT"), BUG], [fact("F", "W-NOTE")]
)


def test_a_catalogue_that_covers_every_row_has_no_complaint():
    assert list(complaints(ROWS, WHOLE)) == []


def test_what_the_rows_became_is_counted():
    words = ("requirement", "limitation", "known issue", "state check", "stated fact")
    assert counts(ROWS, homes(WHOLE)) == {**dict.fromkeys(words, 1), "not covered": 0}


@pytest.mark.parametrize(
    ("made", "complaint"),
    [
        (catalogue([rule("R")]), "W-RULE: no entry of the catalogue covers it: A name resolves."),
        (catalogue([rule("R", "W-RULE", "W-TYPO")]), "W-TYPO: R names this row, and rows.yaml has no such row"),
        (catalogue([rule("R", "W-RULE")], [limit("L", "W-X")]), "W-X: L names this row, and rows.yaml has no such row"),
        (
            catalogue([rule("R", "W-RULE")], [], [fact("F", "W-RULE")]),
            "W-RULE: F states that no test can judge it, and R judges it; remove one",
        ),
        (
            catalogue([rule("R")], [], [fact("F", "W-RULE"), fact("G", "W-RULE")]),
            "W-RULE: F and G both state it; remove one",
        ),
    ],
)
def test_what_is_wrong_is_a_line(made, complaint):
    assert list(complaints(ROWS[:1], made)) == [complaint]


def test_the_listing_names_every_row_with_its_entries_and_the_builds_of_an_issue():
    lines = listing(ROWS, WHOLE).splitlines()
    assert lines[0] == "4. Names"
    assert [line.split()[0] for line in lines[1:6]] == [row.id for row in ROWS]
    assert lines[3].endswith("known issue  R; KI, builds 20348.0 to 20348.680")
    assert lines[-1] == "5 sentences: requirement 1, limitation 1, known issue 1, state check 1, stated fact 1"


def test_a_row_without_an_entry_stands_out():
    assert "NOT COVERED" in listing(ROWS, catalogue([rule("R", "W-RULE")]))


def test_the_tree_says_the_same():
    told = tree(ROWS, WHOLE)
    assert [row["became"] for row in told["rows"]] == [
        "requirement",
        "limitation",
        "known issue",
        "state check",
        "stated fact",
    ]
    assert told["rows"][2]["homes"][1] == {"id": "KI", "kind": "known issue", "builds": "20348.0 to 20348.680"}


TABLE = """areas:
  - number: 4
    title: Names
    rows:
      - {id: W-RULE, kind: promise, severity: must, statement: A name resolves.}
"""


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (TABLE.replace("promise", "hope"), "rows W-RULE, kind: needs one of promise"),
        (TABLE.replace("must", "shall"), "rows W-RULE, severity: needs one of must"),
        (TABLE.replace("number: 4", "number: four"), "areas entry 1, number: needs a whole number, found 'four'"),
        (TABLE.replace(", statement: A name resolves.", ""), "rows W-RULE, statement: missing"),
        (TABLE + TABLE.splitlines()[-1] + "\n", "rows W-RULE, id: W-RULE is defined twice"),
    ],
)
def test_a_wrong_table_is_refused_in_one_line(tmp_path, text, complaint):
    (tmp_path / "rows.yaml").write_text(text)
    with pytest.raises(CatalogueError) as caught:
        load_rows(tmp_path)
    assert complaint in str(caught.value)


def test_a_right_table_is_read(tmp_path):
    (tmp_path / "rows.yaml").write_text(TABLE)
    assert load_rows(tmp_path) == (row("W-RULE"),)


def test_the_rows_of_an_area_can_be_listed_alone():
    assert rows_told([7], as_json=False).startswith("7. Known issues\n  WIN-KI-204-OVERLAY")
    assert rows_told([7], as_json=True).startswith('{\n "rows": [')
