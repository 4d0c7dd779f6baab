"""The HTML report: Allure 3 turns the results of a run into one file that opens without a server.

Allure needs Node. Without it the run is complete, and one line says how to install it.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from podwire.records.files import write_atomically, write_text
from podwire.reporting.allure import FOLDER as RESULTS
from podwire.reporting.allure import category_rules

HISTORY = 10
"""The number of earlier runs in the report's history."""
FOLDER = "allure-report"
HOW_TO_GET_IT = (
    "no Allure report: Allure 3 was not found; `make setup` in the checkout installs it, with Node 20 or newer"
)

_GRACE = 2.0
_CONFIG = "reports/allurerc.json"
_WARM = "reports/allure_warm.mjs"
_SCRIPT = re.compile(rb"<script\b[^>]*>.*?</script>", re.DOTALL | re.IGNORECASE)
_ANALYTICS = (b"googletagmanager.com", b"google-analytics.com", b"gtag(")


def find_allure(checkout: Path | None = None) -> Path | None:
    """Allure's command: that of the checkout's `tools/allure`, else that of PATH; None without it or without Node."""
    if shutil.which("node") is None:
        return None
    if checkout is not None:
        local = checkout / "tools" / "allure" / "node_modules" / ".bin" / "allure"
        if local.exists():
            return local
    program = shutil.which("allure")
    return Path(program) if program else None


def warm_up(checkout: Path | None) -> subprocess.Popen[bytes] | None:
    """Allure in a process that loads its modules now and waits for its order; None where only the command is installed.

    It is for `generate_report`. A process without an order ends with this process.
    """
    command = find_allure(checkout)
    if checkout is None or command is None or not command.is_relative_to(checkout):
        return None
    script = checkout / _WARM
    try:
        return _start(["node", str(script), str(command)], checkout) if script.is_file() else None
    except OSError:
        return None


def generate_report(
    run_directory: Path,
    checkout: Path | None = None,
    *,
    timeout: float = 60.0,
    warm: subprocess.Popen[bytes] | None = None,
    history: Path | None = None,
) -> tuple[Path | None, str]:
    """Make `<run>/allure-report/index.html` from `<run>/allure-results`, with the process of `warm_up` if there is one.

    `history` is Allure's own file: the report shows its earlier runs, and this run is added to it. It takes at most
    `timeout` seconds and never raises for a failure of Allure: a report is a view, and no verdict depends on it.

    Returns:
        The file and a line about it, or None and the line that says why there is no report.
    """
    command = find_allure(checkout)
    if command is None:
        return None, HOW_TO_GET_IT
    results = run_directory.resolve() / RESULTS
    if not any(results.glob("*-result.json")):
        return None, f"no Allure report: {results} has no results"
    with tempfile.TemporaryDirectory(prefix="podwire-allure-") as scratch:
        config = Path(scratch) / "allurerc.json"
        output = Path(scratch) / "report"
        write_text(config, json.dumps(_configuration(checkout, run_directory.name, history)))
        arguments = ["generate", str(results), "--config", str(config), "--output", str(output)]
        if warm is not None and warm.poll() is None:
            problem = _finish(warm, timeout, json.dumps({"cwd": scratch, "arguments": arguments}))
        else:
            problem = _run([str(command), *arguments], Path(scratch), timeout)
        page = output / "index.html"
        if problem is None and not page.is_file():
            problem = "Allure wrote no index.html"
        if problem is not None:
            return None, f"no Allure report: {problem}"
        target = run_directory / FOLDER / "index.html"
        target.parent.mkdir(exist_ok=True)
        write_atomically(target, without_analytics(page.read_bytes()))
    return target, str(target)


def without_analytics(page: bytes) -> bytes:
    """The page without the scripts that would tell a third party that somebody opened it."""
    # Only a short script is a tracker: the report itself is one long script that may hold these words as data.
    if not any(word in page for word in _ANALYTICS):
        return page
    return _SCRIPT.sub(lambda match: b"" if _tracks(match.group()) else match.group(), page)


def _tracks(script: bytes) -> bool:
    return len(script) < 4096 and any(word in script for word in _ANALYTICS)


def _configuration(checkout: Path | None, run: str, history: Path | None = None) -> dict[str, Any]:
    """The checkout's Allure configuration, or the same made here, with the run's name and its history."""
    tree: dict[str, Any] = default_configuration()
    if checkout is not None and (checkout / _CONFIG).is_file():
        tree = json.loads((checkout / _CONFIG).read_text(encoding="utf-8"))
    history_settings = {"historyPath": str(history.absolute()), "historyLimit": HISTORY} if history is not None else {}
    return {**tree, "name": f"podwire {run}", **history_settings}


def default_configuration() -> dict[str, Any]:
    """The content of `reports/allurerc.json`."""
    return {
        "name": "podwire",
        "plugins": {
            "awesome": {
                "options": {"singleFile": True, "reportLanguage": "en", "groupBy": ["epic", "feature"]},
            }
        },
        "categories": {"rules": category_rules()},
    }


def _run(command: list[str], directory: Path, timeout: float) -> str | None:
    """Run Allure. Returns the problem in one line, or None."""
    try:
        process = _start(command, directory)
    except OSError as error:
        return f"{command[0]}: {error.strerror or error}"
    return _finish(process, timeout)


def _start(command: list[str], directory: Path) -> subprocess.Popen[bytes]:
    """Start it in a session of its own, so that all of it ends with its timeout."""
    return subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, "ALLURE_NO_ANALYTICS": "true", "NO_COLOR": "1", "CI": "1"},
        cwd=directory,
        start_new_session=True,
    )


def _finish(process: subprocess.Popen[bytes], timeout: float, order: str = "") -> str | None:
    """Send the order and wait for the end. Returns the problem in one line, or None."""
    try:
        output, _ = process.communicate(f"{order}\n".encode(), timeout=timeout)
    except BaseException as stopped:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        with contextlib.suppress(subprocess.TimeoutExpired):  # What has left its session may hold its pipes.
            process.communicate(timeout=_GRACE)
        if isinstance(stopped, subprocess.TimeoutExpired):
            return f"Allure did not end within {timeout:g} s"
        raise
    if process.returncode != 0:
        lines = [line.strip() for line in output.decode("utf-8", "replace").splitlines() if line.strip()]
        return f"Allure ended with code {process.returncode}: {lines[-1] if lines else 'no output'}"
    return None
