"""Watches of a lab: an upgrade is within its budgets, and what an upgrade cuts is told with its path and its number."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time

import pytest
import yaml
from html_page import Page
from lab_accounts import Account
from runninglab import Api, start_lab, until
from severed_proxy import SeveredProxy

from podwire.cli import main as cli
from podwire.records.watch import load_watch

WATCHER = "/api/v1/namespaces/podwire/serviceaccounts/watcher"
PODWIRE = (sys.executable, "-m", "podwire")


def words_of(folder, *options, command=()):
    return [*PODWIRE, "watch", "--run-dir", str(folder), *options, *(["--", *command] if command else [])]


def watched(folder, *options, command=()):
    """A watch as a process of its own: its exit code, its record, its output."""
    words = words_of(folder, *options, command=command)
    done = subprocess.run(words, capture_output=True, text=True, timeout=240, check=False)
    return done.returncode, load_watch(folder), done.stdout + done.stderr


@contextlib.contextmanager
def watching(folder, *options, command=()):
    """A watch that goes on; a reader of its output so far."""
    out = folder.with_suffix(".log")
    with out.open("w") as file:
        process = subprocess.Popen(words_of(folder, *options, command=command), stdout=file, stderr=file, text=True)
        try:
            yield process, out.read_text
        finally:
            process.kill()
            process.wait()


def upgrade(*options):
    return (*PODWIRE, "lab", "upgrade", "--away", "1s", *options)


def texts(record, kind, subject):
    return [event.text for event in record.events if (event.kind, event.subject) == (kind, subject)]


def over(shown):
    """The paths over their budget."""
    return {line.split(": ")[1] for line in shown.splitlines() if line.startswith("over budget: ")}


@pytest.fixture(scope="module")
def lab():
    """A lab that is a cluster of its own, with the account of manifests/rbac-watch.yaml: a watch needs no more."""
    with start_lab("overlay-win-overlay") as running:
        Account.of(running.kubeconfig).apply("rbac-watch.yaml")
        yield running


@pytest.fixture
def config(lab, tmp_path):
    return Account.of(lab.kubeconfig).runner(WATCHER).kubeconfig(tmp_path / "config")


@pytest.fixture
def nothing_left(lab):
    yield
    names = [each["metadata"]["name"] for each in Api(lab)("GET", "/api/v1/namespaces")["items"]]
    assert not [name for name in names if name.startswith("podwire-")]


def test_a_healthy_upgrade_is_within_budgets_and_its_events_are_in_one_time_line(tmp_path, capsys):
    # Nodes of l2bridge reach no Services of their own, so that path is not watched and is given no limit.
    budgets = ("--gap", "*: 5s", "--gap", "node-service windows: any")
    # Sockets are closed when pods end, so a client connects again: nobody waits for longer than the cluster needs.
    code, record, shown = watched(tmp_path, "--lab", "l2bridge-win-bridge", *budgets, command=upgrade())
    assert code == 0, shown
    assert (record.command.exit_code, record.finished, record.unwatched) == (0, True, ())
    assert record.unanswered == ("node-service windows-linux tcp", "node-service windows-windows tcp")
    paths = {path.path: path for path in record.paths}
    assert {path.partition(" ")[0] for path in paths} == {
        "pod-pod", "pod-service", "pod-node", "node-pod", "node-service", "pod-outside", "outside-service",
    }  # fmt: skip
    assert [path.path for path in record.paths if path.gone or not path.counts.answered] == [], shown
    # The pods of Windows nodes were evicted and came again: their paths have had more than two streams. At the end both
    # were on one node, so that the path between nodes needed one more pod.
    between = paths["pod-pod windows-windows tcp"]
    assert between.counts.streams > 2
    assert between.watched < paths["pod-pod linux-linux tcp"].watched
    # The agents of nodes ended with their nodes: that is no time that nobody knows of.
    assert [path.blind for path in record.paths if path.blind] == []
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
    assert 5 < len(page.of("circle")) <= sum(event.kind != "event" for event in record.events)
    # The gate says the same of the stored watch, and smaller budgets are not kept.
    gate = ("gate", str(tmp_path), "--allow-emulated")
    assert cli.main([*gate, *budgets]) == 0
    assert cli.main([*gate, "--gap", "*: 5s"]) == 10
    assert "give it --gap 'node-service windows-linux: any'" in capsys.readouterr().out
    assert cli.main([*gate, "--gap", "pod-pod: 1ms", "--format", "json"]) == 10
    tree = json.loads(capsys.readouterr().out)
    assert tree["decision"] == "cannot judge"
    assert cli.main(["gate", str(tmp_path), "--gap", "*: 5s"]) == 2
    assert "to try the gate, add --allow-emulated" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("fault", "broken", "whole"),
    [
        ("windows-load-balancers-missing", "pod-service windows-linux tcp", "pod-pod windows-linux tcp"),
        ("routes-of-one-node-missing", "pod-pod windows-linux tcp", "pod-pod linux-linux tcp"),
        ("small-mtu-of-one-nic", "pod-pod windows-linux tcp", "pod-pod linux-linux tcp"),
    ],
)
def test_nodes_that_come_back_broken_are_paths_over_their_budget(fault, broken, whole, tmp_path):
    # The fault stays. A shorter one could end, on a busy machine, before a pod has come to the node.
    code, record, shown = watched(
        tmp_path, "--lab", "overlay-win-overlay", "--gap", "*: 5s", command=upgrade("--fault", fault)
    )
    assert code == 1, shown
    longest = {path.path: path.longest for path in record.paths}
    assert longest[broken] > 5000, shown
    assert longest[whole] < 5000, shown
    assert broken in over(shown)
    assert whole not in over(shown)
    # Packets from outside may come by way of any node.
    inside = {path for path in over(shown) if not path.startswith("outside-")}
    assert {path for path in inside if "windows" not in path} == set(), shown


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.usefixtures("nothing_left")
def test_a_signal_ends_the_watch_with_its_table_and_leaves_nothing_in_the_cluster(number, config, tmp_path):
    ready, folder = tmp_path / "started", tmp_path / "w"
    command = (sys.executable, "-c", f"import time; open({str(ready)!r}, 'w'); time.sleep(100)")
    options = ("--kubeconfig", str(config), "--gap", "pod-pod: 4s")
    with watching(folder, *options, command=command) as (process, shown):
        until(ready.exists, 60, shown)
        until(lambda: "watching " in shown(), 10, shown)
        time.sleep(2)  # Streams must have run for a while.
        os.kill(process.pid, number)
        process.wait(60)
    record, name = load_watch(folder), signal.Signals(number).name
    assert (record.command.signal, record.command.exit_code) == (name, 128 + number), shown()
    assert f"ended by {name}" in record.remarks
    assert not [remark for remark in record.remarks if remark.startswith("not watched")]
    assert record.unwatched == ()
    assert process.returncode == 10, shown()
    assert "pod-pod linux-windows tcp" in shown()
    assert f"the command {sys.executable}" in shown()


@pytest.mark.usefixtures("nothing_left")
def test_an_api_server_that_is_away_leaves_times_that_nobody_knows_of_and_no_losses(lab, config, tmp_path):
    tree = yaml.safe_load(config.read_text())
    cluster = tree["clusters"][0]["cluster"]
    host, _, port = cluster["server"].removeprefix("http://").partition(":")
    proxy = SeveredProxy((host, int(port)))
    cluster["server"] = f"http://127.0.0.1:{proxy.port}"
    config.write_text(yaml.safe_dump(tree))
    folder = tmp_path / "w"
    options = ("--kubeconfig", str(config), "--gap", "*: 3s")
    with watching(folder, *options, "--for", "16s") as (process, shown):
        until(lambda: "watching " in shown(), 60, shown)
        time.sleep(3)  # Streams must have run for a while.
        assert proxy.sever() > 4
        until(lambda: "API server: does not answer" in shown(), 20, shown)
        time.sleep(4)  # Longer than the budget.
        proxy.restore()
        process.wait(90)
    proxy.sever()
    record = load_watch(folder)
    assert process.returncode == 10, shown()
    assert over(shown()) == set()
    assert [text.split(":")[0].split(" after ")[0] for text in texts(record, "api", "API server")] == [
        "does not answer",
        "answers again",
    ]
    between = next(path for path in record.paths if path.path == "pod-pod linux-windows tcp")
    assert 3000 < max(time.length for time in between.blind) < 15_000
    assert (between.counts.resets, between.gone) == (0, False), shown()
    assert "cannot judge: pod-pod linux-windows tcp: podwire had lost the agent of watch-linux-" in shown()
    # The host outside is not reached through the API server.
    assert [path.path for path in record.paths if not path.blind and path.path.startswith("pod-")] == []


@pytest.mark.usefixtures("nothing_left")
def test_what_a_killed_watch_leaves_is_removed_by_podwire_cleanup(lab, config, tmp_path):
    with watching(tmp_path / "w", "--kubeconfig", str(config)) as (process, shown):
        until(lambda: "watching " in shown(), 60, shown)
        process.kill()
        process.wait()
    assert cli.main(["cleanup", "--kubeconfig", str(config)]) == 0
