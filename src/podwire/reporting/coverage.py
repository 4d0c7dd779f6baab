"""`coverage.html`: the documented rules, sentence by sentence, and the result of the run for each.

A sentence is below the document that it cites first. Sentences that no packet can decide, and those that the facts of
the cluster exclude, have their reason.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from podwire.model.requirements import Catalogue, Citation
from podwire.model.verdicts import Outcome
from podwire.records.files import write_atomically
from podwire.records.run import CaseRecord, RunRecord
from podwire.reporting.pages import MARKS, NOT_RUN, STATED, chips, mark, page, run_head, text, words_of
from podwire.reporting.words import MISSING, one_line, requirement_of

NAME = "coverage.html"


@dataclass(frozen=True, kw_only=True)
class Sentence:
    """One sentence of the documentation. `came_to` counts its cases by outcome; `why` is all else about it."""

    id: str
    kind: str
    statement: str
    sources: tuple[Citation, ...]
    came_to: tuple[tuple[str, int], ...]
    why: tuple[str, ...] = ()


def write_coverage(record: RunRecord, catalogue: Catalogue, directory: Path) -> Path:
    """Write `coverage.html` into the run's folder."""
    path = directory / NAME
    write_atomically(path, coverage_html(record, catalogue))
    return path


def coverage_html(record: RunRecord, catalogue: Catalogue) -> str:
    """The whole page."""
    sentences_of_run = sentences(record, catalogue)
    documents: dict[str, list[Sentence]] = {}
    for sentence in sentences_of_run:
        documents.setdefault(sentence.sources[0].document, []).append(sentence)
    numbers = Counter(outcome for sentence in sentences_of_run for outcome, _ in sentence.came_to)
    lead = (
        f'<p class="lead">{len(sentences_of_run)} sentences of {len(documents)} documents: '
        f"{len(catalogue.requirements)} that must hold, {len(catalogue.limitations)} that say what does not, "
        f"{len(catalogue.facts)} that no packet can decide.</p>"
    )
    shown = "".join(
        _document(at, name, sentences)
        for at, (name, sentences) in enumerate(sorted(documents.items(), key=lambda entry: -len(entry[1])))
    )
    return page(
        title=f"podwire {record.run_id}: coverage of the documents",
        head=run_head(record, "The documentation, sentence by sentence"),
        body=lead + chips(((outcome, numbers[outcome]) for outcome in MARKS), "sentences") + shown,
        current="coverage",
    )


def sentences(record: RunRecord, catalogue: Catalogue) -> tuple[Sentence, ...]:
    """All sentences of the catalogue, with the result of the run for each."""
    by_rule = _tallies(record.cases, lambda case: case.requirement)
    for case_id in record.missing:
        by_rule.setdefault(requirement_of(case_id), Counter())[MISSING] += 1
    by_limit = _tallies(record.cases, lambda case: case.verdict.limitation)
    return (
        *(
            _sentence(rule.id, rule.level, rule.statement, rule.sources, by_rule, _ruled_out(record, rule.id))
            for rule in catalogue.requirements.values()
        ),
        *(
            _sentence(
                limitation.id,
                "LIMIT" if limitation.kind == "documented" else "KNOWN ISSUE",
                limitation.statement,
                limitation.sources,
                by_limit,
                (f"Concerns {', '.join(limitation.requirements)}.",),
            )
            for limitation in catalogue.limitations
        ),
        *(
            Sentence(
                id=fact.id,
                kind="STATED",
                statement=fact.statement,
                sources=fact.sources,
                came_to=((STATED, 1),),
                why=(fact.reason,),
            )
            for fact in catalogue.facts
        ),
    )


def _tallies(cases: Iterable[CaseRecord], of: Callable[[CaseRecord], str | None]) -> dict[str, Counter[str]]:
    tallies: dict[str, Counter[str]] = {}
    for case in cases:
        name = of(case)
        if name is not None:
            tallies.setdefault(name, Counter())[case.verdict.outcome] += 1
    return tallies


def _sentence(
    identity: str,
    kind: str,
    statement: str,
    sources: tuple[Citation, ...],
    tallies: dict[str, Counter[str]],
    why: tuple[str, ...],
) -> Sentence:
    numbers = tallies.get(identity, Counter())
    came_to = tuple((outcome, numbers[outcome]) for outcome in (*Outcome, MISSING) if numbers[outcome])
    return Sentence(
        id=identity,
        kind=kind,
        statement=one_line(statement),
        sources=sources,
        came_to=came_to or ((NOT_RUN, 1),),
        why=why,
    )


def _ruled_out(record: RunRecord, rule: str) -> tuple[str, ...]:
    """Why a requirement has no or fewer cases, a line for each reason."""
    reasons = Counter(exclusion.reason for exclusion in record.exclusions if exclusion.requirement == rule)
    return tuple(
        f"Not applicable{f' ({number})' if number > 1 else ''}: {reason}" for reason, number in reasons.items()
    )


def _document(at: int, name: str, sentences: Sequence[Sentence]) -> str:
    rows = "".join(_row(sentence) for sentence in sentences)
    return (
        f'<section class="area"><h2 id="document-{at}">{text(name)}</h2><table class="list sentences">'
        f"<caption>{text(name)}: {len(sentences)} sentences</caption><thead><tr>"
        '<th scope="col">Sentence</th><th scope="col">Where it is written</th><th scope="col">In this run</th>'
        f"</tr></thead><tbody>{rows}</tbody></table></section>"
    )


def _row(sentence: Sentence) -> str:
    kinds = " ".join(MARKS[outcome][0] for outcome, _ in sentence.came_to)
    tally = "".join(
        f"<div>{mark(outcome)}<span>{text(words_of(outcome, number))}</span></div>"
        for outcome, number in sentence.came_to
    )
    why = "".join(f'<p class="why">{text(reason)}</p>' for reason in sentence.why)
    return (
        f'<tr data-o="{kinds}"><th scope="row"><span class="id">{text(sentence.id)}</span>'
        f'<span class="level">{text(sentence.kind)}</span>'
        f'<span class="says">{text(sentence.statement)}</span>{why}</th>'
        f'<td><ul class="sources">{"".join(_cited(sentence.sources))}</ul></td><td class="tally">{tally}</td></tr>'
    )


def _cited(sources: Sequence[Citation]) -> Iterator[str]:
    """The first source by its part alone, because its document is the heading; all others in full."""
    for at, source in enumerate(sources):
        words = text(source.part or source.document) if at == 0 else text(source)
        yield f'<li><a href="{text(source.url)}">{words}</a></li>' if source.url else f"<li>{words}</li>"
