"""What became of each sentence of the documentation in `rows.yaml`: its home in the catalogue, or a complaint."""

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
    """An entry of the catalogue that stands for a row. `builds` is the window of a known issue, as text."""

    id: str
    kind: Literal["requirement", "limitation", "known issue", "stated fact"]
    builds: str = ""

    def __str__(self) -> str:
        return f"{self.id}, builds {self.builds}" if self.builds else self.id


def homes(catalogue: Catalogue) -> dict[str, tuple[Home, ...]]:
    """The homes of every row that the catalogue names, requirements first."""
    found: dict[str, list[Home]] = {}
    for rule in catalogue.requirements.values():
        for row in rule.rows:
            found.setdefault(row, []).append(Home(id=rule.id, kind="requirement"))
    for limit in catalogue.limitations:
        builds = limit.when.flow.builds or limit.when.cluster.all_builds
        home = Home(
            id=limit.id,
            kind="known issue" if limit.kind == "bug" else "limitation",
            builds=" to ".join(builds) if builds else "",
        )
        for row in limit.rows:
            found.setdefault(row, []).append(home)
    for fact in catalogue.facts:
        for row in fact.rows:
            found.setdefault(row, []).append(Home(id=fact.id, kind="stated fact"))
    return {row: tuple(several) for row, several in found.items()}


def became(row: Row, several: Sequence[Home]) -> str:
    """What a row became, in a word of `BECAME`; '' while it has no home.

    Of several homes that counts which says most: an issue of some builds, then a limit, then that it is judged.
    """
    kinds = {home.kind for home in several}
    if kinds == {"requirement"} and row.kind == "state":
        return "state check"
    return next((kind for kind in ("known issue", "limitation", "requirement", "stated fact") if kind in kinds), "")


def complaints(rows: Sequence[Row], catalogue: Catalogue) -> Iterator[str]:
    """What is wrong, a line each: a row without a home, a home of an unknown row, homes that contradict each other."""
    known, found = {row.id for row in rows}, homes(catalogue)
    for row in rows:
        several = found.get(row.id, ())
        if not several:
            yield f"{row.id}: has no home: {row.statement}"
        facts = [home.id for home in several if home.kind == "stated fact"]
        judged = [home.id for home in several if home.kind != "stated fact"]
        if facts and judged:
            yield f"{row.id}: {facts[0]} states that it cannot be tested, and {judged[0]} judges it"
        if len(facts) > 1:
            yield f"{row.id}: is stated twice, by {facts[0]} and {facts[1]}"
    for identity, several in found.items():
        if identity not in known:
            yield f"{identity}: {several[0].id} names it, and there is no such row"


def counts(rows: Iterable[Row], found: Mapping[str, Sequence[Home]]) -> dict[str, int]:
    """How many rows became what, in the order of `BECAME`; the last entry has those without a home."""
    number = Counter(became(row, found.get(row.id, ())) for row in rows)
    return {**{word: number[word] for word in BECAME}, "without a home": number[""]}


def listing(rows: Sequence[Row], catalogue: Catalogue) -> str:
    """All rows for a person: by area, each with what it became and where, and the counts."""
    found, lines, title = homes(catalogue), [], ""
    for row in rows:
        if row.title != title:
            lines += ["", f"{row.area}. {row.title}"] if title else [f"{row.area}. {row.title}"]
            title = row.title
        several = found.get(row.id, ())
        named = "; ".join(dict.fromkeys(str(home) for home in several)) or "-"
        lines.append(f"  {row.id:<{_WIDTH}} {became(row, several) or 'NO HOME':<12} {named}")
    told = ", ".join(f"{word} {number}" for word, number in counts(rows, found).items() if number)
    return "\n".join([*lines, "", f"{len(rows)} sentences: {told}"]) + "\n"


def tree(rows: Sequence[Row], catalogue: Catalogue) -> dict[str, Any]:
    """The same as a JSON tree."""
    found = homes(catalogue)
    return {
        "rows": [
            {
                "id": row.id,
                "area": row.area,
                "kind": row.kind,
                "severity": row.severity,
                "statement": row.statement,
                "became": became(row, found.get(row.id, ())),
                "homes": [{"id": h.id, "kind": h.kind, "builds": h.builds} for h in found.get(row.id, ())],
            }
            for row in rows
        ],
        "counts": counts(rows, found),
    }
