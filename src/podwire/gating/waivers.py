"""Waivers: failures with an owner and an expiry date. Pure.

A waiver names its cases, an owner, a link, a reason, an expiry date, and the symptom that the failure must show. A
waiver that has expired, fits nothing or fits too much is an error: it hides something.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

MOST_CASES = 20


@dataclass(frozen=True, kw_only=True)
class Waiver:
    """`case` is a case id in which `*` stands for any text. `symptom` is text of the verdict or one of its findings."""

    case: str
    owner: str
    link: str
    reason: str
    expires: date
    symptom: str

    def fits(self, case_id: str) -> bool:
        """Whether the waiver fits a case. Brackets stand for themselves: they are part of every id."""
        pattern = ".*".join(re.escape(part) for part in self.case.split("*"))
        return re.fullmatch(pattern, case_id) is not None

    def shown_in(self, words: Iterable[str]) -> bool:
        """Whether the symptom is in any of these texts."""
        symptom = " ".join(self.symptom.split()).lower()
        return any(symptom in " ".join(text.split()).lower() for text in words)

    def __str__(self) -> str:
        return f"{self.case} (owner {self.owner}, until {self.expires}, {self.link})"


def problems(waivers: Sequence[Waiver], cases: Collection[str], today: date) -> Iterator[str]:
    """The mistakes in these waivers on that day, for these case ids: expired, or too broad."""
    areas = Counter(case_id.partition("/")[0] for case_id in cases)
    for waiver in waivers:
        if waiver.expires < today:
            yield f"waiver {waiver.case}: expired on {waiver.expires}; {waiver.owner} must renew or remove it"
        fitting = [case_id for case_id in cases if waiver.fits(case_id)]
        found = Counter(case_id.partition("/")[0] for case_id in fitting)
        whole = [area for area, number in found.items() if number == areas[area] and number > 1]
        if len(fitting) > MOST_CASES:
            yield f"waiver {waiver.case}: too broad: it fits {len(fitting)} cases; at most {MOST_CASES} are allowed"
        elif whole:
            yield f"waiver {waiver.case}: too broad: it fits all cases of the area {', '.join(whole)}"


def unused(waivers: Sequence[Waiver], used: Collection[Waiver]) -> Iterator[str]:
    """The waivers whose symptom no failure showed."""
    for waiver in waivers:
        if waiver not in used:
            shown = f"no failing case fits it and shows {waiver.symptom!r}"
            yield f"waiver {waiver.case}: {shown}; {waiver.owner} must correct or remove it"
