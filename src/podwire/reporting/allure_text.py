"""The texts inside an Allure report: the description of a case, the environment of a run."""

from __future__ import annotations

import re
from collections.abc import Iterator

from podwire.model.node_notes import remarks
from podwire.model.verdicts import Finding
from podwire.records.run import CaseRecord, RunRecord
from podwire.reporting.words import links, message, nodes_used, one_line, tally

_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>|#])")


def markdown(case: CaseRecord) -> str:
    """The description of a case: the rule, its sources, what was expected and what was seen."""
    return "\n".join(_paragraphs(case))


def _paragraphs(case: CaseRecord) -> Iterator[str]:
    yield f"**{_plain(case.requirement)}** ({case.rule.level}): {_plain(case.rule.statement)}"
    yield ""
    if case.rule.sources:
        url_by_words = {words: url for url, words in links(case.rule.sources)}
        yield from (f"- Source: {_source(source, url_by_words)}" for source in case.rule.sources)
        yield ""
    text = message(case)
    if text:
        yield f"**Verdict:** {_plain(text)}"
        yield ""
    if case.verdict.findings:
        yield "| | Expected | Actual | Where |"
        yield "|---|---|---|---|"
        for finding in case.verdict.findings:
            cells = " | ".join(_plain(cell) for cell in (finding.expected, finding.actual, finding.where))
            yield f"| {'held' if finding.met else '**differs**'} | {cells} |"
    elif case.expected:
        yield "Expected:"
        yield ""
        yield from (f"- {_plain(sentence)}" for sentence in case.expected)
    yield ""
    yield f"Case `{case.id}`"


def finding_line(finding: Finding) -> str:
    """A finding as the name of a step."""
    actual = "" if finding.met else f"; {one_line(finding.actual)}"
    return f"{finding.where}: {one_line(finding.expected)}{actual}"


def environment(record: RunRecord) -> str:
    """`environment.properties`: the environment of the run, a line each."""
    facts = record.facts
    values = {
        "podwire": record.setup.version,
        "run": record.run_id,
        "emulated": "yes: no evidence about Windows" if record.emulated else "no",
        "complete": "yes" if record.complete else f"no: {record.interrupted or 'cases without a result'}",
        "result": tally(record),
        "cluster": facts.name,
        "kubernetes": facts.version,
        "network.mode": facts.network.mode,
        "cni": facts.network.cni,
        "families": " ".join(facts.network.families),
        "families.windows": " ".join(facts.network.windows_families),
        "direct.server.return": {True: "on", False: "off", None: "unknown"}[facts.proxy.dsr],
    }
    if facts.network.encapsulation:
        tunnel = facts.network.encapsulation
        vni = "unknown" if tunnel.vni is None else tunnel.vni
        values["encapsulation"] = f"{tunnel.kind}, UDP {tunnel.port}, VNI {vni}"
    for node in facts.nodes:
        values[f"node.{node.name}"] = " ".join(filter(None, (node.os, node.software.os_image, node.software.kernel)))
    values |= {f"nodes.used.{number}": line for number, line in enumerate(nodes_used(record), 1)}
    values |= {f"nodes.unusable.{number}": remark for number, remark in enumerate(remarks(facts), 1)}
    values |= {f"option.{name}": value for name, value in record.setup.options.items()}
    return "".join(f"{_key(name)} = {one_line(value)}\n" for name, value in values.items() if value)


def _source(source: str, url_by_words: dict[str, str]) -> str:
    for words, url in url_by_words.items():
        if url in source:
            return f"[{_plain(words)}]({url})"
    return _plain(source)


def _plain(text: str) -> str:
    """Text that Markdown shows unchanged."""
    return _MARKDOWN.sub(r"\\\1", one_line(text))


def _key(name: str) -> str:
    return re.sub(r"[\s=:]+", "-", name)
