"""Wall time, peak memory and printed lines of `podwire facts` and `podwire plan` for thousands of nodes.

`python bench/scale.py [CHECKOUT ...] [--nodes 5000] [--images 50] [--services 50000] [--pods 50000]
[--recording kubeadm-nodelocal-dns] [--runs 3] [--command plan ...] [-- OPTION ...]`

The lab's API server serves a recorded cluster with so many nodes on loopback, in a process of its own; it makes no
namespace. The checkouts are measured in turns, each with the Python of its own `make setup`; the first is what the
others are compared with. Without one it measures this checkout.
"""

import argparse
import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

CHECKOUT = Path(__file__).parents[1]
sys.path[:0] = [str(CHECKOUT / "tests" / "helpers")]
READY_WITHIN = 300


def serve(path, arguments):
    """Serve the wide cluster until the process is ended."""
    from wide_cluster import serve_until_cancelled, wide_store

    numbers = {"images": arguments.images, "pods": arguments.pods, "services": arguments.services}
    asyncio.run(serve_until_cancelled(path, wide_store(arguments.recording, arguments.nodes, **numbers)))


def measured(checkout, words, kubeconfig):
    """Wall seconds, CPU seconds, peak MB and printed lines of one command; exits when it fails."""
    known = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "PODWIRE_"))}
    with tempfile.TemporaryFile() as out:
        began = time.perf_counter()
        process = subprocess.Popen(
            [str(checkout / ".venv" / "bin" / "podwire"), words[0], "--kubeconfig", str(kubeconfig), *words[1:]],
            cwd=checkout,
            env=known,
            stdout=out,
            stdin=subprocess.DEVNULL,
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        wall = time.perf_counter() - began
        out.seek(0)
        lines = sum(1 for _ in out)
    if process.returncode:
        sys.exit(f"{checkout}: podwire {' '.join(words)}: exit code {process.returncode}")
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, lines


def started(path, arguments):
    """The process that serves; it has answered when the kubeconfig is there."""
    names = ("nodes", "images", "pods", "services", "recording")
    words = [f"--{name}={getattr(arguments, name)}" for name in names]
    process = subprocess.Popen([sys.executable, __file__, "--serve", str(path), *words])
    end = time.monotonic() + READY_WITHIN
    while not path.exists():
        if process.poll() is not None or time.monotonic() > end:
            process.kill()
            sys.exit("the API server did not start")
        time.sleep(0.05)
    return process


def compare(arguments, options):
    """Print the medians of all checkouts, and their ratios to the first."""
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "kubeconfig"
        server = started(path, arguments)
        try:
            for command in arguments.command or ["facts", "plan"]:
                found = {checkout: [] for checkout in arguments.checkouts}
                for _ in range(arguments.runs):
                    for checkout in arguments.checkouts:
                        found[checkout].append(measured(checkout.resolve(), [command, *options], path))
                first = None
                for checkout, runs in found.items():
                    wall, cpu, peak, lines = (statistics.median(column) for column in zip(*runs, strict=True))
                    first = first or (wall, cpu, peak)
                    ratios = ", ".join(f"{now / then:.2f}" for now, then in zip((wall, cpu, peak), first, strict=True))
                    print(
                        f"{checkout}: {command}, {arguments.nodes} nodes: {wall:.2f} s, CPU {cpu:.2f} s, "
                        f"{peak:.0f} MB, {lines:.0f} lines (ratios {ratios}; median of {len(runs)})",
                        flush=True,
                    )
        finally:
            server.terminate()
            server.wait()


def main():
    parser = argparse.ArgumentParser(description="Measure facts and plan for thousands of nodes.")
    parser.add_argument("checkouts", nargs="*", type=Path, default=[CHECKOUT], metavar="CHECKOUT")
    parser.add_argument("--nodes", type=int, default=5000)
    parser.add_argument("--images", type=int, default=50, help="of each node")
    parser.add_argument("--services", type=int, default=50_000)
    parser.add_argument("--pods", type=int, default=50_000)
    parser.add_argument("--recording", default="kubeadm-nodelocal-dns", help="a folder of tests/recordings/clusters")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--command", action="append", choices=("facts", "plan"), help="only this one; repeatable")
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    words = sys.argv[1:]
    at = words.index("--") if "--" in words else len(words)
    arguments = parser.parse_args(words[:at])
    if arguments.serve:
        serve(arguments.serve, arguments)
    else:
        compare(arguments, words[at + 1 :])


if __name__ == "__main__":
    main()
