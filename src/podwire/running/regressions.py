"""Dated regressions of networking on Windows nodes, from `regressions.yaml` beside the suites.

Whatever is wrong in the file is one line that names the entry and the field (`RegressionError`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from podwire.content import suites_folder
from podwire.strict_yaml import FileError, Reader
from podwire_lab.faults.registry import FAULTS
from podwire_lab.model.profiles import DEFAULT_PROFILE, PROFILES
from podwire_lab.model.windows_builds import DEFAULT_BUILD, UnknownBuild, windows_build

_REQUIRED = ("id", "title", "when", "symptom", "source")
_OPTIONAL = ("profile", "dsr", "before", "after", "faults", "notices", "windows_image", "unshown")


class RegressionError(FileError):
    """The file of regressions is not as it must be; the text is one line for its author."""


@dataclass(frozen=True, kw_only=True)
class Regression:
    """One regression; the head of the file says what the fields mean. `before` and `after` are builds as text."""

    id: str
    title: str
    when: str
    symptom: str
    source: str
    profile: str
    dsr: bool | None
    before: str
    after: str
    faults: tuple[str, ...]
    notices: tuple[str, ...]
    windows_image: str
    unshown: str

    @property
    def shown(self) -> bool:
        """Whether the lab can show it."""
        return not self.unshown


def load_regressions(path: Path | None = None) -> tuple[Regression, ...]:
    """The regressions of a file, by default the suites' own, in its order. Raises `RegressionError`."""
    found: dict[str, Regression] = {}
    file = _Reader.file(path or suites_folder() / "regressions.yaml", required=("regressions",))
    for entry in file.entries("regressions"):
        entry.keys(required=_REQUIRED, optional=_OPTIONAL)
        regression = _regression(entry)
        entry.once(regression.id, found)
        found[regression.id] = regression
    return tuple(found.values())


def _regression(entry: _Reader) -> Regression:
    profile = entry.known("profile", entry.text("profile", DEFAULT_PROFILE), PROFILES)
    faults = entry.texts("faults")
    for name in faults:
        if not FAULTS[entry.known("faults", name, FAULTS)].fits(profile):
            raise entry.error("faults", f"{name} is none of profile {profile}")
    source = entry.text("source")
    if not source.startswith("https://"):
        raise entry.error("source", f"a web address is needed, found {source!r}")
    made = Regression(
        id=entry.text("id"),
        title=entry.text("title"),
        when=entry.text("when"),
        symptom=entry.text("symptom"),
        source=source,
        profile=profile,
        dsr=entry.flag("dsr"),
        before=entry.build("before"),
        after=entry.build("after"),
        faults=faults,
        notices=entry.texts("notices"),
        windows_image=entry.text("windows_image", ""),
        unshown=entry.text("unshown", ""),
    )
    if made.shown == (not faults and made.before == made.after):
        raise entry.error("", "needs faults or two builds that make it, or unshown, which tells why there are none")
    return made


class _Reader(Reader):
    """The file of regressions, or an entry of it."""

    raises = RegressionError

    def flag(self, name: str) -> bool | None:
        value = self.tree.get(name)
        if value is not None and not isinstance(value, bool):
            raise self.error(name, f"true or false is needed, found {value!r}")
        return value

    def build(self, name: str) -> str:
        text = self.text(name, str(DEFAULT_BUILD))
        try:
            return str(windows_build(text))
        except UnknownBuild as problem:
            raise self.error(name, str(problem)) from problem

    def known(self, field: str, name: str, there: Iterable[str]) -> str:
        if name not in there:
            raise self.error(field, f"{name!r} is unknown; there are: {', '.join(there)}")
        return name
