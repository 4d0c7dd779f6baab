"""Make `reports/example/run/` again: the folder of a small lab run with a fault, and its terminal output.

A connect check does not notice the fault: packets of Windows pods leave with the pods' addresses, and the outside
answers all the same. The kernel version of this machine is replaced.
"""

from __future__ import annotations

import gzip
import platform
import shutil
import subprocess
import sys
from pathlib import Path

from podwire.records.files import NAME, load_record
from podwire.records.seal import write_seal
from podwire.reporting.allure import FOLDER as ALLURE_RESULTS
from podwire.reporting.terminal import summary

ROOT = Path(__file__).resolve().parent.parent
RUN = ROOT / "reports/example/run"
COMMAND = ("run", "--lab", "overlay-win-overlay", "--area", "egress", "--fault", "outbound-nat-missing", "--no-report")
KERNEL = "6.1.0"
MOST = 1_500_000


def content(path: Path) -> bytes:
    """What a reader of the file sees."""
    data = path.read_bytes()
    return gzip.decompress(data) if path.suffix == ".gz" else data


def main() -> int:
    """Run, replace, measure. Returns 1 if the run did not fail as it must, or if the folder holds what it must not."""
    shutil.rmtree(RUN, ignore_errors=True)
    done = subprocess.run([sys.executable, "-m", "podwire", *COMMAND, "--run-dir", RUN], check=False)
    if done.returncode != 1:
        print(f"example: the run ended with exit code {done.returncode}; with its fault it must end with 1")
        return 1
    shutil.rmtree(RUN / ALLURE_RESULTS)
    record = RUN / NAME
    record.write_text(record.read_text(encoding="utf-8").replace(platform.release(), KERNEL), encoding="utf-8")
    write_seal(load_record(RUN), RUN)
    (RUN / "terminal.txt").write_text(summary(load_record(RUN)), encoding="utf-8")
    files = [path for path in RUN.rglob("*") if path.is_file()]
    size = sum(path.stat().st_size for path in files)
    print(f"example: {len(files)} files, {size / 1000:.0f} kB in {RUN.relative_to(ROOT)}")
    if size > MOST:
        print(f"example: the folder is too large; the repository admits {MOST / 1000:.0f} kB, so choose fewer cases")
        return 1
    private = (str(ROOT), str(Path.home()), platform.node(), platform.release())
    leaks = [path for path in files if any(word.encode() in content(path) for word in private if len(word) > 3)]
    for path in leaks:
        print(f"example: {path.relative_to(ROOT)} contains a name of this machine; replace it")
    return 1 if leaks else 0


if __name__ == "__main__":
    sys.exit(main())
