"""Watches of a lab: an upgrade is within its budgets, and what an upgrade cuts is told with its path and its number."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest
from html_page import Page
from lab_accounts import Account
from runninglab import Api, start_lab, until

from podwire.cli import main as cli
from podwire.records.watch import load_watch

PROFILE = ("--lab", "overlay-win-overlay")
WATCHER = "/api/v1/namespaces/podwire/serviceaccounts/watcher"
PODWIRE = (sys.executable, "-m", "podwire")


def watched(folder, *options, command=()):
    """A watch as a process of its own: its exit code, its record, its output."""
    words = [*PODWIRE, "watch", "--run-dir", str(folder), *options, *(["--", *command] if command else [])]
    done = subprocess.run(words, capture_output=True, text=True, timeout=240, check=False)
    return done.returncode, load_watch(folder), done.stdout + done.stderr


def upgrade(*options):
    return (*PODWIRE, "lab", "upgrade", "--away", "1s", *options)


def texts(record, kind, subject):
    return [event.text for event in record.events if (event.kind, event.subject) == (kind, subject)]


def test_a_healthy_upgrade_is_within_budgets_and_its_events_are_in_one_time_line(tmp_path, capsys):
    # Sockets are closed when pods end, so a client connects again: nobody waits for longer than the cluster needs.
    code, record, shown = watched(tmp_path, *PROFILE, "--gap", "*: 5s", command=upgrade())
    assert code == 0, shown
    assert record.command.exit_code == 0
    paths = {path.path: path for path in record.paths}
    assert {path.partition(" ")[0] for path in paths} == {
        "pod-pod", "pod-service", "pod-node", "node-pod", "node-service", "pod-outside", "outside-service",
    }  # fmt: skip
    assert [path.path for path in record.paths if not path.answered] == [], shown
    # The pods of Windows nodes were evicted and came again: their paths have had more than two streams.
    assert paths["pod-pod windows-windows tcp"].streams > 2
    assert texts(record, "node", "windows-2") == [
        "cordoned",
        "not ready: Kubelet stopped posting node status.",
        "rebooted",
        "build 10.0.20348.2762 became 10.0.20348.2763",
        "kubelet v1.36.2 became v1.36.3",
        "ready",
        "uncordoned",
    ]
    assert "restarted on windows-1" in texts(record, "network", "kube-proxy-windows-windows-1")
    evicted = [event for event in record.events if event.text.startswith("evicted on windows-")]
    assert len(evicted) >= 2
    assert [event.at for event in record.events] == sorted(event.at for event in record.events)
    page = Page((tmp_path / "watch.html").read_text(encoding="utf-8"))
    assert len(page.of("svg")) == 1
    assert len(page.of("circle")) == sum(event.kind != "event" for event in record.events)
    # The gate says the same of the stored watch, and smaller budgets are not kept.
    assert cli.main(["gate", str(tmp_path), "--gap", "*: 5s", "--allow-emulated"]) == 0
    assert cli.main(["gate", str(tmp_path), "--gap", "pod-pod: 1ms", "--allow-emulated", "--format", "json"]) == 1
    assert cli.main(["gate", str(tmp_path), "--gap", "*: 5s"]) == 2
    assert cli.main(["gate", str(tmp_path), "--allow-emulated"]) == 2
    told = capsys.readouterr()
    assert "to try the gate, add --allow-emulated" in told.err
    assert "is a watch; give it budgets" in told.err
    tree = json.loads(told.out[told.out.index("{") : told.out.rindex("}") + 1])
    assert tree["decision"] == "over"


def test_an_upgrade_that_cuts_a_path_for_five_seconds_more_is_told_with_the_path_and_the_number(tmp_path):
    broken = upgrade("--fault", "windows-load-balancers-missing=10s")
    code, record, shown = watched(tmp_path, *PROFILE, "--gap", "*: 5s", command=broken)
    assert code == 1, shown
    longest = {path.path: path.longest for path in record.paths}
    for path in ("pod-service windows-linux tcp", "pod-service windows-windows tcp"):
        assert longest[path] > 5000
        assert (
            f"over budget: {path}: {longest[path]} ms without an answer, over the budget of 5 s (watch-windows-"
            in shown
        )
    over = [line for line in shown.splitlines() if line.startswith("over budget: ")]
    assert all("-service " in line for line in over), over
    assert "pod-pod windows-linux tcp" in longest


def test_a_path_cut_by_missing_routes_is_the_path_between_nodes(tmp_path):
    broken = upgrade("--fault", "routes-of-one-node-missing=10s")
    code, record, shown = watched(tmp_path, *PROFILE, "--gap", "pod-pod windows-linux: 5s", command=broken)
    assert code == 1, shown
    longest = {path.path: path.longest for path in record.paths}
    assert longest["pod-pod windows-linux tcp"] > 5000
    assert longest["pod-pod linux-linux tcp"] < 5000
    assert "over budget: pod-pod windows-linux tcp" in shown


def test_a_signal_ends_the_watch_with_its_table_and_leaves_nothing_in_the_cluster(tmp_path):
    with start_lab(PROFILE[1]) as lab:
        # The account of manifests/rbac-watch.yaml needs no more.
        admin = Account.of(lab.kubeconfig)
        admin.apply("rbac-watch.yaml")
        config = admin.runner(WATCHER).kubeconfig(tmp_path / "config")
        ready = tmp_path / "started"
        code = f"import time; open({str(ready)!r}, 'w'); time.sleep(100)"
        words = [*PODWIRE, "watch", "--kubeconfig", str(config), "--run-dir", str(tmp_path / "w")]
        words += ["--gap", "pod-pod: 4s", "--", sys.executable, "-c", code]
        process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        until(ready.exists, 60)
        time.sleep(2)  # Streams must have run for a while.
        os.kill(process.pid, signal.SIGTERM)
        shown, _ = process.communicate(timeout=60)
        record = load_watch(tmp_path / "w")
        assert (record.command.signal, record.command.exit_code) == ("SIGTERM", 143)
        assert "ended by SIGTERM" in record.remarks
        assert not [remark for remark in record.remarks if remark.startswith("not watched")]
        assert process.returncode == 10, shown
        assert "pod-pod linux-windows tcp" in shown
        assert f"the command {sys.executable}" in shown
        names = [one["metadata"]["name"] for one in Api(lab)("GET", "/api/v1/namespaces")["items"]]
        assert not [name for name in names if name.startswith("podwire-")]


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["--", "no-such-program"], "-- no-such-program: there is no such program"),
        (
            ["--gap", "pod-servis: 2s"],
            "--gap pod-servis: 2s: pod-servis: no such word of a path; did you mean pod-service",
        ),
        (["--for", "soon"], "--for soon: must be a duration such as 500ms, 2s, 45m or 24h"),
        (["--every", "1ms"], "--every 1ms: must be 20ms or more and 10s or less"),
    ],
)
def test_a_mistake_is_one_line_before_anything_starts(words, problem, capsys, tmp_path):
    assert cli.main(["watch", "--run-dir", str(tmp_path / "w"), *words]) == 2
    told = capsys.readouterr().err
    assert problem in told
    assert told.count("\n") == 1
    assert not (tmp_path / "w" / "watch.json").exists()
