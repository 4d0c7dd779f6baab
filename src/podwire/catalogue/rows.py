"""How the catalogue covers each sentence of the documentation in `rows.yaml`; a mistake is one line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from podwire.model.requirements import Catalogue

RowKind = Literal["promise", "limit", "issue", "state", "divergence", "note"]
Severity = Literal["must", "should", "may"]
BECAME = ("requirement", "limitation", "known issue", "state check", "stated fact")
_WIDTH = 36


@dataclass(frozen=True, kw_only=True)
class Row:
    """One sentence of a document, in podwire's words. `area` is the number of its chapter in `rows.yaml`."""

    id: str
    area: int
    title: str
    kind: RowKind
    severity: Severity
    statement: str


@dataclass(frozen=True, kw_only=True)
class Home:
    """An entry of the catalogue that covers a row. `builds` is the range of a known issue, as text."""

    id: str
    kind: Literal["requirement", "limitation", "known issue", "stated fact"]
    builds: str = ""

    def __str__(self) -> str:
        return f"{self.id}, builds {self.builds}" if self.builds else self.id


def homes(catalogue: Catalogue) -> dict[str, tuple[Home, ...]]:
    """The entries for every row that the catalogue names, requirements first."""
    homes_by_row: dict[str, list[Home]] = {}
    for rule in catalogue.requirements.values():
        for row in rule.rows:
            homes_by_row.setdefault(row, []).append(Home(id=rule.id, kind="requirement"))
    for limit in catalogue.limitations:
        builds = limit.when.flow.builds or limit.when.cluster.all_builds
        home = Home(
            id=limit.id,
            kind="known issue" if limit.kind == "bug" else "limitation",
            builds=" to ".join(builds) if builds else "",
        )
        for row in limit.rows:
            homes_by_row.setdefault(row, []).append(home)
    for fact in catalogue.facts:
        for row in fact.rows:
            homes_by_row.setdefault(row, []).append(Home(id=fact.id, kind="stated fact"))
    return {row: tuple(entries) for row, entries in homes_by_row.items()}


def became(row: Row, entries: Sequence[Home]) -> str:
    """How a row is covered, in a word of `BECAME`; '' if no entry covers it.

    Of several entries the most specific counts: a known issue, then a limitation, then a requirement.
    """
    kinds = {home.kind for home in entries}
    if kinds == {"requirement"} and row.kind == "state":
        return "state check"
    return next((kind for kind in ("known issue", "limitation", "requirement", "stated fact") if kind in kinds), "")


def complaints(rows: Sequence[Row], catalogue: Catalogue) -> Iterator[str]:
    """The mistakes, a line each: a row without an entry, an entry for an unknown row, entries that contradict each
    other."""
    row_ids, homes_by_row = {row.id for row in rows}, homes(catalogue)
    for row in rows:
        entries = homes_by_row.get(row.id, ())
        if not entries:
            yield f"{row.id}: no entry of the catalogue covers it: {row.statement}"
        facts = [home.id for home in entries if home.kind == "stated fact"]
        judged = [home.id for home in entries if home.kind != "stated fact"]
        if facts and judged:
            yield f"{row.id}: {facts[0]} states that no test can judge it, and {judged[0]} judges it; remove one"
        if len(facts) > 1:
            yield f"{row.id}: {facts[0]} and {facts[1]} both state it; remove one"
    for identity, entries in homes_by_row.items():
        if identity not in row_ids:
            yield f"{identity}: {entries[0].id} names this row, and rows.yaml has no such row"


def counts(rows: Iterable[Row], homes_by_row: Mapping[str, Sequence[Home]]) -> dict[str, int]:
    """The number of rows for each word of `BECAME`, in that order; the last entry counts rows without an entry."""
    number = Counter(became(row, homes_by_row.get(row.id, ())) for row in rows)
    return {**{word: number[word] for word in BECAME}, "not covered": number[""]}


def listing(rows: Sequence[Row], catalogue: Catalogue) -> str:
    """All rows for a person: by area, each with the entry that covers it, and the totals."""
    homes_by_row, lines, title = homes(catalogue), [], ""
    for row in rows:
        if row.title != title:
            lines += ["", f"{row.area}. {row.title}"] if title else [f"{row.area}. {row.title}"]
            title = row.title
        entries = homes_by_row.get(row.id, ())
        named = "; ".join(dict.fromkeys(str(home) for home in entries)) or "-"
        lines.append(f"  {row.id:<{_WIDTH}} {became(row, entries) or 'NOT COVERED':<12} {named}")
    totals = ", ".join(f"{word} {number}" for word, number in counts(rows, homes_by_row).items() if number)
    return "\n".join([*lines, "", f"{len(rows)} sentences: {totals}"]) + "\n"


def tree(rows: Sequence[Row], catalogue: Catalogue) -> dict[str, Any]:
    """The same as a JSON tree."""
    homes_by_row = homes(catalogue)
    return {
        "rows": [
            {
                "id": row.id,
                "area": row.area,
                "kind": row.kind,
                "severity": row.severity,
                "statement": row.statement,
                "became": became(row, homes_by_row.get(row.id, ())),
                "homes": [{"id": h.id, "kind": h.kind, "builds": h.builds} for h in homes_by_row.get(row.id, ())],
            }
            for row in rows
        ],
        "counts": counts(rows, homes_by_row),
    }
