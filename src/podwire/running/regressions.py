"""Dated regressions of networking on Windows nodes, from `regressions.yaml` beside the suites.

A mistake in the file is one line that names the entry and the field (`RegressionError`).
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
    """The file of regressions has a mistake. The text is one line: file, entry, field, and what to write."""


class Regression(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One regression, and how the lab shows it. `before` and `after` are builds as text."""

    id: Text
    title: Text
    when: Text
    """The time or release, as the source gives it."""
    symptom: Text
    """What the network does."""
    source: Annotated[str, Meta(pattern="^https://", extra={"needed": "a web address (https://...)"})]
    profile: Text = DEFAULT_PROFILE
    """The lab's profile."""
    dsr: bool | None = None
    """Direct Server Return; without it: the profile's setting."""
    before: Text = str(DEFAULT_BUILD)
    """The build of Windows Server before the change."""
    after: Text = str(DEFAULT_BUILD)
    """The build after the change; without it: the same build, for a change outside Windows."""
    faults: tuple[Text, ...] = ()
    """Lab faults that reproduce it, in addition to what the build of `after` does by itself."""
    notices: tuple[Text, ...] = ()
    """Requirements to run in addition to those that the faults name."""
    windows_image: str = ""
    """The probe image for a Windows release without an official image."""
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
    """The regressions of a file (without one: of the suites) in the order of the file. Raises `RegressionError`."""
    file = path or suites_folder() / "regressions.yaml"
    regressions: dict[str, Regression] = {}
    try:
        for form in yaml_as(file, RegressionsFile).regressions:
            for problem in _problems(form, regressions):
                raise FileError(f"{file}: regressions {one_line(form.id)}{problem}")
            regressions[one_line(form.id)] = _on_one_line(form)
    except FileError as problem:
        raise RegressionError(str(problem)) from None
    return tuple(regressions.values())


def _problems(form: Regression, earlier: Iterable[str]) -> Iterator[str]:
    """The mistakes that the types cannot exclude: names that the lab does not know, and an entry without a cause."""
    if one_line(form.id) in earlier:
        yield f", id: {one_line(form.id)[:60]} is defined twice"
    if form.profile not in PROFILES:
        yield f", profile: {shown(form.profile)} is unknown; use one of: {', '.join(PROFILES)}"
    for name in form.faults:
        if name not in FAULTS:
            near = difflib.get_close_matches(name[:60], FAULTS)
            hint = f"did you mean {' or '.join(near)}?" if near else "`podwire mutants --list` lists all faults"
            yield f", faults: {shown(name)} is unknown; {hint}"
        elif not FAULTS[name].fits(form.profile):
            yield f", faults: {name} does not apply to profile {form.profile}"
    for field, build in (("before", form.before), ("after", form.after)):
        try:
            windows_build(build)
        except UnknownBuild as problem:
            yield f", {field}: {problem}"
    if (not form.unshown) == (not form.faults and _build(form.before) == _build(form.after)):
        yield ": needs either a cause (faults, or two different builds) or unshown (why the lab cannot show it)"


def _build(text: str) -> str:
    return str(windows_build(text))


def _on_one_line(form: Regression) -> Regression:
    """The regression with each sentence on one line and its builds in full."""
    sentences = {name: one_line(getattr(form, name)) for name in ("id", "title", "when", "symptom", "unshown")}
    return replace(form, **sentences, before=_build(form.before), after=_build(form.after))
