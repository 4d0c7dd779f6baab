"""`podwire watch` around its watch: what is written and said when disks are full and signals come, and mistakes."""

import errno
import signal

import pytest

from podwire.cli import main as cli
from podwire.errors import ClusterError
from podwire.records import watch as records
from podwire.records.watch import SCHEMA, PathCounts, PathRecord, WatchHead, WatchRecord, load_watch
from podwire.reporting.watches import page
from podwire.watching import watch as watching

HEAD = WatchHead(
    run_id="w1", version="1", cluster="c", emulated=False, started=1.7e9, length=60_000, every=200, threshold=600
)
PATH = PathRecord(path="pod-pod linux-linux tcp", longest=40, counts=PathCounts(sent=9, answered=9, streams=1))
RECORD = WatchRecord(schema=SCHEMA, head=HEAD, paths=(PATH,), events=(), finished=True)
BUDGET = ("--gap", "pod-pod: 2s")


class Played:
    """A watch whose parts are functions; `calls` has what was called."""

    def __init__(self, calls, run, clean_up):
        self.calls, self._run, self._clean_up = calls, run, clean_up

    def __call__(self, run_id, target, options, say, store, keep):
        self.store, self.keep = store, keep
        return self

    def run(self):
        self.calls.append("run")
        return self._run(self)

    def clean_up(self):
        self.calls.append("clean up")
        return self._clean_up()

    def cleanup_command(self):
        return "podwire cleanup --run w1"

    def release(self):
        self.calls.append("release")


def watch(monkeypatch, folder, *words, run=lambda watch: RECORD, clean_up=lambda: []):
    calls = []
    monkeypatch.setattr(watching, "Watch", Played(calls, run, clean_up))
    code = cli.main(["watch", "--run-dir", str(folder), *words])
    return code, calls


def test_the_packets_around_gaps_lie_in_a_folder_that_is_made_with_the_first(monkeypatch, tmp_path):
    def run(watch):
        assert not (tmp_path / "w" / "packets").exists()
        watch.keep("pod.pcap.gz", b"frames")
        return RECORD

    watch(monkeypatch, tmp_path / "w", run=run)
    assert [(file.name, file.read_bytes()) for file in (tmp_path / "w" / "packets").iterdir()] == [
        ("pod.pcap.gz", b"frames")
    ]


def test_the_record_is_written_and_shown_before_anything_is_removed(monkeypatch, tmp_path, capsys):
    def clean_up():
        assert load_watch(tmp_path / "w") == RECORD
        assert (tmp_path / "w" / page.NAME).exists()
        return ["pod x is left"]

    code, calls = watch(monkeypatch, tmp_path / "w", *BUDGET, clean_up=clean_up)
    assert (code, calls) == (0, ["run", "clean up", "release"])
    told = capsys.readouterr()
    assert "within budgets: 1 paths" in told.out
    assert "podwire: pod x is left" in told.err


def test_a_signal_in_the_clean_up_costs_no_result(monkeypatch, tmp_path, capsys):
    def clean_up():
        raise KeyboardInterrupt

    code, _ = watch(monkeypatch, tmp_path / "w", *BUDGET, clean_up=clean_up)
    assert code == 0
    assert load_watch(tmp_path / "w") == RECORD
    assert "interrupted; remove the rest with: podwire cleanup --run w1" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("problem", "code", "text"),
    [(ClusterError("no pod is ready"), 3, "no pod is ready"), (KeyboardInterrupt(), 2, "interrupted")],
)
def test_what_ends_a_watch_early_leaves_nothing_in_the_cluster(problem, code, text, monkeypatch, tmp_path, capsys):
    def run(watch):
        raise problem

    assert watch(monkeypatch, tmp_path / "w", run=run) == (code, ["run", "clean up", "release"])
    assert f"podwire: {text}" in capsys.readouterr().err
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_on_a_full_disk_the_table_is_shown_and_the_exit_code_is_that_of_a_mistake(monkeypatch, tmp_path, capsys):
    full = OSError(errno.ENOSPC, "No space left on device")

    def refused(*arguments):
        raise full

    def run(watch):
        # The first problem is said once, until writing has worked again.
        for works in (False, False, True, False):
            monkeypatch.setattr(records, "write_atomically", (lambda *a: None) if works else refused)
            watch.store(RECORD)
        return RECORD

    code, calls = watch(monkeypatch, tmp_path / "w", run=run)
    told = capsys.readouterr()
    assert (code, calls) == (2, ["run", "clean up", "release"])
    assert told.err.count("No space left on device; the watch goes on, make room for its end") == 2
    assert told.err.splitlines()[-1].endswith("cannot be written: No space left on device; choose another folder")
    assert "pod-pod linux-linux tcp" in told.out


def test_a_watch_that_was_killed_leaves_what_it_stored_and_passes_no_gate(monkeypatch, tmp_path, capsys):
    class KilledError(BaseException):
        pass

    def run(watch):
        watch.store(WatchRecord(schema=SCHEMA, head=HEAD, paths=(PATH,), events=()))
        raise KilledError

    with pytest.raises(KilledError):
        watch(monkeypatch, tmp_path / "w", run=run)
    assert cli.main(["gate", str(tmp_path / "w"), *BUDGET]) == 10
    assert "podwire was killed, and has stored nothing after 60 s" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["--", "no-such-program"], "-- no-such-program: there is no such program; write the command as for a shell"),
        (["--for", "soon"], "--for soon: must be a duration such as 500ms, 2s, 45m or 24h"),
        (["--for", "0"], "--for 0: must be a duration such as 500ms, 2s, 45m or 24h"),
        (["--for", "0s"], "--for 0s: must be longer than 0"),
        (["--for", "-5m"], "--for"),
        (["--every", "1ms"], "--every 1ms: must be 20ms or more and 10s or less"),
        (
            ["--gap", "pod-servis: 2s"],
            "--gap pod-servis: 2s: pod-servis: no such word of a path; did you mean pod-serv",
        ),
        (["--gap", "pod-service 2s"], "--gap pod-service 2s: write PATH: DURATION"),
        (["--gap", "node-pod udp: 2s"], "--gap node-pod udp: 2s: no path is called node-pod udp; there are node-pod"),
        (["--gap", "pod-pod: 100ms"], "--gap pod-pod: 100 ms: shorter than the 600 ms from which this watch measures"),
        (["--every", "1s", "--gap", "*: 2s"], "--gap *: 2 s: shorter than the 3000 ms from which this watch measures"),
    ],
)
def test_a_mistake_is_one_line_before_anything_starts(words, problem, capsys, tmp_path):
    assert cli.main(["watch", "--run-dir", str(tmp_path / "w"), *words]) == 2
    told = capsys.readouterr().err
    assert problem in told
    assert "Traceback" not in told
    assert not (tmp_path / "w").exists()


def test_a_gate_over_a_watch_takes_no_options_of_runs(monkeypatch, tmp_path, capsys):
    watch(monkeypatch, tmp_path / "w")
    capsys.readouterr()
    for words, text in (
        ([], "is a watch; give it budgets, such as --gap 'pod-service windows: 2s'"),
        ([*BUDGET, "--candidate", "x"], "name the folder of one, without --candidate"),
        ([str(tmp_path), *BUDGET], "--gap judges one watch; name the folder of one"),
    ):
        assert cli.main(["gate", str(tmp_path / "w"), *words]) == 2
        assert text in capsys.readouterr().err
    assert cli.main(["gate", str(tmp_path), *BUDGET]) == 2
    assert "cannot judge" in capsys.readouterr().err


def test_a_gate_prints_one_tree_as_json_and_writes_text_to_a_file(monkeypatch, tmp_path, capsys):
    watch(monkeypatch, tmp_path / "w")
    capsys.readouterr()
    assert cli.main(["gate", str(tmp_path / "w"), *BUDGET, "--format", "json"]) == 0
    assert '"decision": "within"' in capsys.readouterr().out
    assert cli.main(["gate", str(tmp_path / "w"), *BUDGET, "--output", str(tmp_path / "o")]) == 0
    assert capsys.readouterr().out == "gate: within\n"
    assert (tmp_path / "o").read_text().endswith("gate: within\n")


def test_an_upgrade_without_a_lab_says_how_to_have_one(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr("podwire_lab.lifecycle.access.lab_status", lambda: None)
    monkeypatch.delenv("PODWIRE_LAB", raising=False)
    assert cli.main(["lab", "upgrade"]) == 2
    assert capsys.readouterr().err == (
        "podwire: no lab is up; start one with podwire lab up, or upgrade one in a watch: podwire watch --lab PROFILE "
        "-- podwire lab upgrade\n"
    )
