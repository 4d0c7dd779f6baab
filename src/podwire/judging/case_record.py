"""The record of a judged case: everything that the record says of it follows from the catalogue and what was seen."""

from __future__ import annotations

from dataclasses import asdict

from podwire.judging.judged import JudgedCase
from podwire.model.binding import Bindings
from podwire.model.flows import Flow
from podwire.model.requirements import Catalogue
from podwire.records.run import CaseRecord, Rule


def case_record(catalogue: Catalogue, judged: JudgedCase, title: str) -> CaseRecord:
    """The record of a judged case. `title` is the test's name, which is a sentence."""
    case, verdict = judged.case, judged.verdict
    if verdict is None or judged.expectation is None:
        raise ValueError(f"{case.id} was not judged")
    rule = catalogue.requirements[case.requirement]
    flow = case.flow
    limitation = judged.limitation if verdict.limitation else None
    cited = (*(limitation.sources if limitation else ()), *rule.sources)
    attempts = judged.rounds[0].attempts
    return CaseRecord(
        id=case.id,
        area=case.area,
        requirement=rule.id,
        title=title.removeprefix("test_").replace("_", " "),
        rule=Rule(
            level=rule.level,
            statement=rule.statement,
            sources=tuple(dict.fromkeys(f"{source} <{source.url}>" if source.url else str(source) for source in cited)),
        ),
        parameters={
            "protocol": flow.protocol,
            "family": flow.family,
            "client": f"{flow.client.os} {flow.client.kind}",
            "server": flow.server.kind if flow.server.kind == "outside" else f"{flow.server.os} {flow.server.kind}",
            "placement": flow.placement,
            "via": flow.via,
            **_sizes(flow, judged.rounds[0].bindings),
            **({"sends": flow.load.sends} if flow.load.sends else {}),
            **{name.replace("_", " "): pool for name, pool in asdict(flow.pools).items() if pool},
        },
        expected=tuple(judged.expectation.sentences()),
        verdict=verdict,
        started=min((attempt.started for attempt in attempts), default=0.0),
        elapsed=max((attempt.elapsed for attempt in attempts), default=0.0),
        nodes={
            role: node
            for role, node in (("client", case.client.node), ("server", case.server.node), ("entry", case.entry))
            if node
        },
        rounds=judged.outcomes if len(judged.outcomes) > 1 else (),
    )


def _sizes(flow: Flow, bindings: Bindings) -> dict[str, str]:
    """The bytes of a request; where they follow from the path's MTU, how, and nothing of what a run did not learn."""
    if not flow.load.size:
        return {"payload": str(flow.load.payload)}
    mtu, found = bindings.get("path.mtu"), bindings.get("flow.size")
    known = {"payload": str(found), "path MTU": str(mtu)} if found else {}
    return {"size": flow.load.size, **known}
