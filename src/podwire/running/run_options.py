"""What the user asked for, as values. The rows of `running.options` fill it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from podwire.errors import UsageError
from podwire.model.facts import ExternalHost
from podwire.planning.plan import Selection
from podwire.platforms.stated import StatedFacts
from podwire.running.options import NAMES_A_CLUSTER, RUN_OPTIONS
from podwire_lab.model.profile import Profile
from podwire_lab.model.profiles import DEFAULT_PROFILE, UnknownProfile, profile_named


@dataclass(frozen=True, kw_only=True)
class LabOptions:
    """Which lab: its profile, and what is broken in it.

    `dsr`, `windows_build` and `pod_mtu` (bytes) are None where the profile decides; `variations` break nothing.
    """

    profile: str = DEFAULT_PROFILE
    dsr: bool | None = None
    windows_build: str | None = None
    pod_mtu: int | None = None
    variations: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()

    def row(self) -> Profile:
        """The profile, with what was asked for. `UsageError` where these options cannot be had together."""
        try:
            return profile_named(
                self.profile,
                dsr=self.dsr,
                build=self.windows_build,
                pod_mtu=self.pod_mtu,
                variations=self.variations,
            )
        except UnknownProfile as problem:
            raise UsageError(f"--lab {self.profile}: {problem}") from problem


@dataclass(frozen=True, kw_only=True)
class ClusterOptions:
    """Which real cluster, what is beside it, and what the user states of it.

    `external_agent` is a command line whose standard streams lead to an agent on `external_host`.
    """

    kubeconfig: str | None = None
    context: str | None = None
    external_host: ExternalHost | None = None
    external_agent: tuple[str, ...] | None = None
    load_balancer: bool = False
    stated: StatedFacts | None = None
    keep: bool = False

    @property
    def outside(self) -> ExternalHost | None:
        """The host outside; flows begin there where an agent can be spoken to."""
        return self.external_host and self.external_host.with_agent(bool(self.external_agent))


@dataclass(frozen=True, kw_only=True)
class ProbeOptions:
    """What the probes are, how flows are sent: seconds that one waits, and that agents have to start; rounds of all."""

    linux_image: str | None = None
    windows_image: str | None = None
    timeout: float = 4.0
    start: float = 60.0
    repeat: int = 1


@dataclass(frozen=True, kw_only=True)
class OutputOptions:
    """What is written, and where. None: where runs are kept."""

    run_dir: Path | None = None
    evidence: str = "failed"
    history: Path | None = None
    no_page: bool = False


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """All that a run is asked with. It is on the lab unless there is a cluster."""

    lab: LabOptions = field(default_factory=LabOptions)
    cluster: ClusterOptions | None = None
    selection: Selection = field(default_factory=Selection)
    probes: ProbeOptions = field(default_factory=ProbeOptions)
    output: OutputOptions = field(default_factory=OutputOptions)


def run_options(values: Mapping[str, Any]) -> RunOptions:
    """The options of a run from the values of the rows, by flag; what is missing is as if it had been left out.

    `UsageError` where a lab cannot be as it is asked for.
    """
    groups: dict[str, dict[str, Any]] = {"lab": {}, "cluster": {}, "selection": {}, "probes": {}, "output": {}}
    for row in RUN_OPTIONS:
        if row.flag in values:
            group, _, name = row.field.partition(".")
            groups[group][name] = values[row.flag]
    options = RunOptions(
        lab=LabOptions(**groups["lab"]),
        cluster=ClusterOptions(**groups["cluster"]) if any(values.get(one) for one in NAMES_A_CLUSTER) else None,
        selection=Selection(**groups["selection"]),
        probes=ProbeOptions(**groups["probes"]),
        output=OutputOptions(**groups["output"]),
    )
    if options.cluster is None:
        options.lab.row()
    return options
