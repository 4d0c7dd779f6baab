"""The tables of docs/reliability.md are generated from the tables of these tests."""

import re
from pathlib import Path

from api_faults import API_FAULTS
from connection_faults import CONNECTION_FAULTS
from lying_agents import LIES
from stream_faults import STREAM_FAULTS

PAGE = Path(__file__).parents[2] / "docs" / "reliability.md"
BEGIN = "<!-- tables: pytest tests/faults/test_reliability_doc.py --update-golden -->"
END = "<!-- end of tables -->"


def table(title, who, faults):
    lines = [f"### {title}", "", f"| test | {who} | result |", "|---|---|---|"]
    return "\n".join([*lines, *(f"| `{fault.name}` | {fault.does} | {fault.end} |" for fault in faults)])


def tables():
    parts = (
        table(f"API servers ({len(API_FAULTS)})", "the server", API_FAULTS),
        table(f"The way to a server ({len(CONNECTION_FAULTS)})", "the", CONNECTION_FAULTS),
        table(f"Streams to agents ({len(STREAM_FAULTS)})", "the server", STREAM_FAULTS),
        table(f"Agents ({len(LIES)})", "the agent", LIES),
    )
    return "\n\n".join(parts)


def test_the_page_has_the_tables_of_the_tests(request):
    text = PAGE.read_text()
    fresh = re.sub(
        f"{re.escape(BEGIN)}.*{re.escape(END)}", lambda _: f"{BEGIN}\n\n{tables()}\n\n{END}", text, flags=re.DOTALL
    )
    if request.config.getoption("--update-golden"):
        PAGE.write_text(fresh)
    assert PAGE.read_text() == fresh, f"the tests changed: pytest {__file__} --update-golden"
