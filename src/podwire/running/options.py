"""The table of the options that a run understands: one row each, for pytest, the command line and `RunOptions`.

`pytest_addoption`, argparse, the help of both, the page docs/options.md and every check of a value come from them. A
new option is a row here and the field that it names in `running.run_options`. Options of commands that start no run
have their rows in `cli.options`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from podwire.errors import UsageError
from podwire.running import option_values as values
from podwire.running.option import Option
from podwire.running.stream_options import STREAM_OPTIONS

Texts = Mapping[str, Any]
"""The texts of the options by flag: a text, a list of texts, or True for a switch; None or missing when left out."""

NAMES_A_CLUSTER = ("--kubeconfig", "--context")


def read_options(rows: Iterable[Option], texts: Texts) -> dict[str, Any]:
    """The value of each option by flag. `UsageError` for a wrong value and for options that exclude each other."""
    rows = tuple(rows)
    given_rows = [row for row in rows if texts.get(row.flag) not in (None, False, [], ())]
    flags = [row.flag for row in given_rows]
    clusters = [flag for flag in flags if flag in NAMES_A_CLUSTER]
    for row in given_rows:
        if row.only_on == "lab" and clusters:
            raise UsageError(
                f"{row.flag} and {clusters[0]} exclude each other: {row.flag} is for the lab, "
                f"{clusters[0]} names a real cluster; leave one of them out"
            )
        if row.only_on == "cluster" and not clusters:
            raise UsageError(
                f"{row.flag}: applies to a real cluster only; name one with --kubeconfig or --context, "
                f"or leave {row.flag} out"
            )
        if row.needs and row.needs not in flags:
            raise UsageError(f"{row.flag}: needs {row.needs}; add it")
    return {row.flag: row.value(texts.get(row.flag)) for row in rows}


def rows_of(command: str, rows: Iterable[Option] = ()) -> tuple[Option, ...]:
    """The options of a command, in the order of the table."""
    return tuple(row for row in rows or RUN_OPTIONS if command in row.commands)


def joined_paths(words: Sequence[str]) -> list[str]:
    """A pytest command line with each `--option PATH` joined to `--option=PATH`.

    pytest looks for its configuration before it knows the options of plugins, and would take PATH for a place to
    collect tests from.
    """
    flags = {row.flag for row in RUN_OPTIONS if row.is_path} | {"--alluredir"}
    joined: list[str] = []
    for word in words:
        if joined and joined[-1] in flags:
            joined[-1] = f"{joined[-1]}={word}"
        else:
            joined.append(word)
    return joined


_RUN = ("pytest", "run")
_PLAN = (*_RUN, "plan", "doctor")
_FACTS = (*_PLAN, "facts", "watch")

RUN_OPTIONS = (
    Option(
        flag="--lab",
        metavar="PROFILE",
        read=values.lab_profile,
        default="overlay-win-overlay",
        help="the embedded lab with this profile",
        commands=(*_FACTS, "mutants", "lab up"),
        only_on="lab",
        field="lab.profile",
    ),
    Option(
        flag="--dsr",
        metavar="on|off",
        read=values.one_of({"on": True, "off": False}),
        help="Direct Server Return on Windows nodes",
        commands=(*_FACTS, "mutants", "lab up"),
        only_on="lab",
        field="lab.dsr",
    ),
    Option(
        flag="--windows-build",
        metavar="BUILD",
        read=values.windows_build,
        help="build of the Windows nodes, e.g. 17763.1000; without it: the profile's build",
        commands=(*_FACTS, "lab up"),
        only_on="lab",
        field="lab.windows_build",
    ),
    Option(
        flag="--pod-mtu",
        metavar="BYTES",
        read=values.whole_number,
        help="MTU of the pods, up to 9001; without it: the largest that an underlay of 1500 carries",
        commands=(*_FACTS, "lab up"),
        only_on="lab",
        field="lab.pod_mtu",
    ),
    Option(
        flag="--lab-nodes",
        metavar="N",
        read=values.lab_nodes,
        help="nodes of each OS, 2 to 5 (2); the first two have the label podwire.dev/lab-pool=old, the others new",
        commands=(*_FACTS, "lab up"),
        only_on="lab",
        field="lab.nodes",
    ),
    Option(
        flag="--windows-ports",
        metavar="RANGES",
        read=values.port_ranges,
        several="commas",
        help="ports that Windows nodes translate to, e.g. 16385-29999,32768-65535; otherwise 49152-65535",
        commands=(*_FACTS, "lab up"),
        only_on="lab",
        field="lab.windows_ports",
    ),
    Option(
        flag="--lab-variation",
        metavar="NAME",
        read=values.lab_variation,
        several="repeatable",
        help="set the lab up in another way that is just as right, e.g. node-local-dns (see docs/lab-vs-windows.md)",
        commands=(*_FACTS, "lab up"),
        only_on="lab",
        field="lab.variations",
    ),
    Option(
        flag="--fault",
        metavar="NAME[@NODE,NODE]",
        read=values.lab_fault,
        several="repeatable",
        help="inject this fault, on all nodes or on these",
        commands=(*_FACTS, "lab up"),
        only_on="lab",
        field="lab.faults",
    ),
    Option(
        flag="--kubeconfig",
        metavar="FILE",
        read=values.kubeconfig,
        help="run on a real cluster: its kubeconfig, or 'in-cluster' for the service account of this pod",
        commands=(*_FACTS, "cleanup"),
        field="cluster.kubeconfig",
    ),
    Option(
        flag="--context",
        metavar="NAME",
        help="run on a real cluster: this context of the kubeconfig",
        commands=(*_FACTS, "cleanup"),
        field="cluster.context",
    ),
    Option(
        flag="--facts",
        metavar="FILE",
        read=values.facts_file,
        help="YAML file with facts that the API does not show; podwire compares them with what it sees",
        commands=_FACTS,
        only_on="cluster",
        field="cluster.stated",
    ),
    Option(
        flag="--external-host",
        metavar="NAME[=ADDRESS]",
        read=values.external_host,
        help="a host outside the cluster that runs the agent (see docs/real-cluster.md)",
        commands=_FACTS,
        only_on="cluster",
        field="cluster.external_host",
    ),
    Option(
        flag="--external-agent",
        metavar="COMMAND",
        read=values.command_line,
        help="the command that runs `agent.pyz rpc` on that host, e.g. ssh HOST python3 agent.pyz rpc",
        commands=_FACTS,
        only_on="cluster",
        needs="--external-host",
        field="cluster.external_agent",
    ),
    Option(
        flag="--load-balancer",
        help="the cluster gives addresses to Services of type LoadBalancer",
        commands=_FACTS,
        only_on="cluster",
        field="cluster.load_balancer",
    ),
    Option(
        flag="--area",
        metavar="AREA",
        several="repeatable",
        help="only this area",
        commands=(*_PLAN, "mutants", "profiles"),
        field="selection.areas",
    ),
    Option(
        flag="--requirement",
        metavar="ID",
        several="repeatable",
        help="only this requirement",
        commands=(*_PLAN, "mutants"),
        field="selection.requirements",
    ),
    Option(
        flag="--family",
        metavar="ipv4|ipv6|both",
        read=values.one_of({"ipv4": ("ipv4",), "ipv6": ("ipv6",), "both": ("ipv4", "ipv6")}),
        default="both",
        help="IP families of the flows",
        commands=(*_PLAN, "mutants"),
        field="selection.families",
    ),
    Option(
        flag="--nodes-per-os",
        metavar="N",
        read=values.whole_number,
        default="2",
        help="nodes of each OS, and of each pool, that take part; more than 2: each is client and server of every OS",
        commands=(*_PLAN, "mutants"),
        field="selection.nodes_per_os",
    ),
    Option(
        flag="--all-nodes",
        help="every usable node takes part, and is client and server of every OS",
        commands=_PLAN,
        field="selection.all_nodes",
    ),
    Option(
        flag="--nodes",
        metavar="NAME[,NAME]",
        read=values.names,
        several="commas",
        help="only these nodes; all of them take part",
        commands=_PLAN,
        field="selection.nodes",
    ),
    Option(
        flag="--node-selector",
        metavar="SELECTOR",
        read=values.selector,
        several="repeatable",
        help="only nodes with these labels, as of `kubectl -l`: KEY=VALUE, KEY!=VALUE, KEY in (A,B), KEY, !KEY",
        commands=_PLAN,
        field="selection.selectors",
    ),
    Option(
        flag="--pool",
        metavar="NAME=SELECTOR",
        read=values.pool,
        several="repeatable",
        help="one of two pools of nodes: flows go within and between them, and the gate can compare them",
        commands=_PLAN,
        field="selection.pools",
    ),
    Option(
        flag="--require",
        metavar="NODES",
        read=values.node_kind,
        several="repeatable",
        help="exit with code 3 if no case uses such a node: linux, windows, windows-2022, windows-BUILD, KEY=VALUE",
        commands=_PLAN,
        field="selection.required",
    ),
    Option(
        flag="--fill-nodes",
        help="fill one Windows node with pods to judge its address limit; use it on test clusters only",
        commands=_PLAN,
        field="selection.fill_nodes",
    ),
    Option(
        flag="--disruptive",
        help="restart kube-proxy and HNS on the Windows nodes to judge what comes of it; use it on test clusters only",
        commands=_PLAN,
        field="selection.disruptive",
    ),
    Option(
        flag="--linux-image",
        metavar="IMAGE",
        help="image of the probes on Linux nodes",
        commands=(*_RUN, "doctor", "watch"),
        field="probes.linux_image",
    ),
    Option(
        flag="--windows-image",
        metavar="IMAGE",
        help="image of the probes on Windows nodes",
        commands=(*_RUN, "doctor", "watch"),
        field="probes.windows_image",
    ),
    Option(
        flag="--probe-timeout",
        metavar="SECONDS",
        read=values.seconds,
        default="4",
        help="how long a flow waits for its answer",
        commands=_RUN,
        field="probes.timeout",
    ),
    Option(
        flag="--agent-start",
        metavar="SECONDS",
        read=values.seconds,
        default="60",
        help="how long podwire waits for the agents to connect; a busy cluster may need more",
        commands=_RUN,
        field="probes.start",
    ),
    Option(
        flag="--first-try",
        metavar="SHARE",
        read=values.share,
        default="0.002",
        help="share of a path's exchanges that may need another try because a packet was lost",
        commands=_RUN,
        field="probes.first_try",
    ),
    *STREAM_OPTIONS,
    Option(
        flag="--converges-within",
        metavar="SECONDS",
        read=values.seconds,
        default="30",
        help="how long a change of the cluster may take to show on every node; later is late, with its number",
        commands=_RUN,
        field="probes.converges_within",
    ),
    Option(
        flag="--repeat",
        metavar="N",
        read=values.whole_number,
        default="1",
        help="observe every case N times on the same probes; the worst round counts",
        commands=_RUN,
        field="probes.repeat",
    ),
    Option(
        flag="--namespace",
        metavar="NAME",
        read=values.namespace,
        help="use this namespace, which exists and stays, instead of a new one; see manifests/rbac-namespace.yaml",
        commands=(*_RUN, "doctor", "cleanup"),
        only_on="cluster",
        field="cluster.namespace",
    ),
    Option(
        flag="--keep",
        help="leave the probes in the cluster after the run",
        commands=_RUN,
        only_on="cluster",
        field="cluster.keep",
    ),
    Option(
        flag="--run-dir",
        metavar="DIR",
        read=values.path,
        help="folder for the results; it must not hold a run; without it: reports/runs/RUN-ID",
        commands=(*_RUN, "watch"),
        field="output.run_dir",
    ),
    Option(
        flag="--evidence",
        metavar="failed|all",
        read=values.one_of(("failed", "all")),
        default="failed",
        help="keep the packets of all cases, or only of those that did not pass",
        commands=_RUN,
        field="output.evidence",
    ),
    Option(
        flag="--history",
        metavar="FILE",
        read=values.path,
        help="file with earlier runs for the Allure page; podwire adds this run to it",
        commands=(*_RUN, "allure"),
        field="output.history",
    ),
    Option(
        flag="--no-report",
        help="write the Allure results, but do not make the Allure page",
        commands=_RUN,
        field="output.no_page",
    ),
)
