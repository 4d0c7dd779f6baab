"""Dated regressions of networking on Windows nodes, from `regressions.yaml` beside the suites.

Whatever is wrong in the file is one line that names the entry and the field (`RegressionError`).
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated

from msgspec import Meta, Struct
from msgspec.structs import replace

from podwire.content import suites_folder
from podwire.files.bounded import FileError
from podwire.files.kinds import Text, one_line
from podwire.files.typed import yaml_as
from podwire.files.words import shown
from podwire_lab.faults.registry import FAULTS
from podwire_lab.model.profiles import DEFAULT_PROFILE, PROFILES
from podwire_lab.model.windows_builds import DEFAULT_BUILD, UnknownBuild, windows_build


class RegressionError(FileError):
    """The file of regressions is not as it must be; the text is one line for its author."""


class Regression(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One regression, and how the lab shows it. `before` and `after` are builds as text."""

    id: Text
    title: Text
    when: Text
    """The time or release, in the words of the source."""
    symptom: Text
    """What shows on the network."""
    source: Annotated[str, Meta(pattern="^https://", extra={"needed": "a web address (https://...)"})]
    profile: Text = DEFAULT_PROFILE
    """The lab's profile."""
    dsr: bool | None = None
    """Direct Server Return; left out, as the profile has it."""
    before: Text = str(DEFAULT_BUILD)
    """The build of Windows Server before the change."""
    after: Text = str(DEFAULT_BUILD)
    """The build after it; left out, Windows is not what changed."""
    faults: tuple[Text, ...] = ()
    """Faults of the lab that make it, beside what the build of `after` does by itself."""
    notices: tuple[Text, ...] = ()
    """Requirements to run beside those that the faults name."""
    windows_image: str = ""
    """For the probes of a release that has no official image any more."""
    unshown: str = ""
    """Why the lab cannot show it."""

    @property
    def shown(self) -> bool:
        """Whether the lab can show it."""
        return not self.unshown


class RegressionsFile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """regressions.yaml: dated regressions of networking on Windows nodes."""

    regressions: tuple[Regression, ...]


def load_regressions(path: Path | None = None) -> tuple[Regression, ...]:
    """The regressions of a file, by default the suites' own, in its order. Raises `RegressionError`."""
    file = path or suites_folder() / "regressions.yaml"
    found: dict[str, Regression] = {}
    try:
        for form in yaml_as(file, RegressionsFile).regressions:
            for problem in _problems(form, found):
                raise FileError(f"{file}: regressions {one_line(form.id)}{problem}")
            found[one_line(form.id)] = _on_one_line(form)
    except FileError as problem:
        raise RegressionError(str(problem)) from None
    return tuple(found.values())


def _problems(form: Regression, found: Iterable[str]) -> Iterator[str]:
    """What the types do not say: names that the lab must know, and what makes a regression one."""
    if one_line(form.id) in found:
        yield f", id: {one_line(form.id)[:60]} is defined twice"
    if form.profile not in PROFILES:
        yield f", profile: {shown(form.profile)} is unknown; there are: {', '.join(PROFILES)}"
    for name in form.faults:
        if name not in FAULTS:
            near = difflib.get_close_matches(name[:60], FAULTS)
            hint = f"did you mean {' or '.join(near)}?" if near else "the files of podwire_lab.faults have them"
            yield f", faults: {shown(name)} is unknown; {hint}"
        elif not FAULTS[name].fits(form.profile):
            yield f", faults: {name} is none of profile {form.profile}"
    for field, build in (("before", form.before), ("after", form.after)):
        try:
            windows_build(build)
        except UnknownBuild as problem:
            yield f", {field}: {problem}"
    if (not form.unshown) == (not form.faults and _build(form.before) == _build(form.after)):
        yield ": needs faults or two builds that make it, or unshown, which tells why there are none"


def _build(text: str) -> str:
    return str(windows_build(text))


def _on_one_line(form: Regression) -> Regression:
    """The regression with its sentences and names as they are shown."""
    sentences = {name: one_line(getattr(form, name)) for name in ("id", "title", "when", "symptom", "unshown")}
    return replace(form, **sentences, before=_build(form.before), after=_build(form.after))
