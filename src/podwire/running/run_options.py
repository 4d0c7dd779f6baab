"""The options of a run as values. The rows of `running.options` fill them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from podwire.errors import UsageError
from podwire.model.facts import ExternalHost
from podwire.model.streams.load import StreamLoad
from podwire.planning.choice import contradiction
from podwire.planning.plan import Selection
from podwire.platforms.stated import StatedFacts
from podwire.running.option_values import require_names
from podwire.running.options import NAMES_A_CLUSTER, RUN_OPTIONS
from podwire_lab.model.profile import Profile
from podwire_lab.model.profiles import DEFAULT_PROFILE, UnknownProfile, profile_named


@dataclass(frozen=True, kw_only=True)
class LabOptions:
    """Which lab: its profile, and the faults in it.

    `dsr`, `windows_build`, `pod_mtu` (bytes), `nodes` (of each OS) and `windows_ports` are None when the profile
    decides; `variations` break nothing.
    """

    profile: str = DEFAULT_PROFILE
    dsr: bool | None = None
    windows_build: str | None = None
    pod_mtu: int | None = None
    nodes: int | None = None
    windows_ports: tuple[str, ...] | None = None
    variations: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()

    def row(self) -> Profile:
        """The profile with these options. `UsageError` for options that exclude each other."""
        try:
            row = profile_named(
                self.profile,
                dsr=self.dsr,
                build=self.windows_build,
                pod_mtu=self.pod_mtu,
                nodes=self.nodes,
                ports=self.windows_ports,
                variations=self.variations,
            )
        except UnknownProfile as problem:
            raise UsageError(f"--lab {self.profile}: {problem}") from problem
        self._check_faults(row)
        return row

    def _check_faults(self, row: Profile) -> None:
        names, before = [node.name for node in row.nodes], dict[str, str]()
        for text in self.faults:
            name, _, nodes = text.partition("@")
            if name in before:
                remedy = "give it once, with all its nodes: NAME@NODE,NODE"
                raise UsageError(f"--fault {text}: the fault is given before, as {before[name]}; {remedy}")
            before[name] = text
            require_names(f"--fault {text}:", filter(None, nodes.split(",")), names)


@dataclass(frozen=True, kw_only=True)
class ClusterOptions:
    """Which real cluster, the host outside it, and the facts that the user states.

    `external_agent` is the command line that starts an agent on `external_host`; podwire speaks to its standard
    streams. `namespace` is one that exists and stays; None makes one for each run.
    """

    kubeconfig: str | None = None
    context: str | None = None
    external_host: ExternalHost | None = None
    external_agent: tuple[str, ...] | None = None
    load_balancer: bool = False
    stated: StatedFacts | None = None
    keep: bool = False
    namespace: str | None = None

    @property
    def outside(self) -> ExternalHost | None:
        """The host outside. Flows start there only if an agent can run there."""
        return self.external_host and self.external_host.with_agent(bool(self.external_agent))


LAB_TRANSFER = 2_000_000


@dataclass(frozen=True, kw_only=True)
class ProbeOptions:
    """The images of the probes, and how flows are sent.

    `timeout` is the seconds that a flow waits for its answer, `start` the seconds that agents have to connect, `repeat`
    the number of rounds, `first_try` the share of a path's exchanges that may be lost at first, `converges_within` the
    seconds that a change may take to show on every node; the others are those of `StreamLoad`. A lab transfers less
    where nobody says how much: all its nodes share one machine.
    """

    linux_image: str | None = None
    windows_image: str | None = None
    timeout: float = 4.0
    start: float = 60.0
    repeat: int = 1
    first_try: float = 0.002
    converges_within: float = 30.0
    rate: float = StreamLoad().rate
    idle: float = StreamLoad().idle
    transfer: int = LAB_TRANSFER

    @property
    def streams(self) -> StreamLoad:
        """What streams send."""
        return StreamLoad(rate=self.rate, idle=self.idle, transfer=self.transfer)


@dataclass(frozen=True, kw_only=True)
class OutputOptions:
    """What a run writes, and where. `run_dir` None: a new folder in `reports/runs`."""

    run_dir: Path | None = None
    evidence: str = "failed"
    history: Path | None = None
    no_page: bool = False


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """All options of a run. It uses the lab if `cluster` is None."""

    lab: LabOptions = field(default_factory=LabOptions)
    cluster: ClusterOptions | None = None
    selection: Selection = field(default_factory=Selection)
    probes: ProbeOptions = field(default_factory=ProbeOptions)
    output: OutputOptions = field(default_factory=OutputOptions)


def run_options(values: Mapping[str, Any]) -> RunOptions:
    """The options of a run from the values by flag. A missing flag has its default.

    `UsageError` for lab options that exclude each other.
    """
    groups: dict[str, dict[str, Any]] = {"lab": {}, "cluster": {}, "selection": {}, "probes": {}, "output": {}}
    for row in RUN_OPTIONS:
        if row.flag in values:
            group, _, name = row.field.partition(".")
            groups[group][name] = values[row.flag]
    on_cluster = any(values.get(flag) for flag in NAMES_A_CLUSTER)
    groups["probes"] |= {"transfer": groups["probes"].get("transfer") or _usual_transfer(on_cluster)}
    options = RunOptions(
        lab=LabOptions(**groups["lab"]),
        cluster=ClusterOptions(**groups["cluster"]) if on_cluster else None,
        selection=Selection(**groups["selection"]),
        probes=ProbeOptions(**groups["probes"]),
        output=OutputOptions(**groups["output"]),
    )
    if problem := contradiction(options.selection):
        raise UsageError(problem)
    if options.cluster is None:
        options.lab.row()
    return options


def _usual_transfer(on_cluster: bool) -> int:
    return StreamLoad().transfer if on_cluster else LAB_TRANSFER
