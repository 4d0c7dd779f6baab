"""Options that would make more cases possible, by the exclusions of a plan. Pure."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator

from podwire.doctor.remark import Remark
from podwire.model.cases import Exclusion


def remarks_on_options(cases: int, exclusions: Iterable[Exclusion]) -> Iterator[Remark]:
    """How many cases there are, and a remark for each reason of exclusions that names an option."""
    reasons: dict[str, set[str]] = defaultdict(set)
    for excluded in exclusions:
        if re.search(r"--[a-z]", excluded.reason):
            reasons[excluded.reason].add(excluded.requirement)
    yield Remark(
        state="good" if cases else "stop", what=f"plan: {cases} cases", do="" if cases else "podwire plan says why"
    )
    for reason, requirements in sorted(reasons.items(), key=lambda entry: (-len(entry[1]), entry[0])):
        names = sorted(requirements)
        more = f" and {len(names) - 4} more" if len(names) > 4 else ""
        what, _, do = reason.partition(";")
        yield Remark(
            state="note",
            what=f"plan: cases are left out of {', '.join(names[:4])}{more}",
            why=what,
            do=do.strip() or f"see {' and '.join(sorted(set(re.findall(r'--[a-z-]+', reason))))} in docs/options.md",
        )
