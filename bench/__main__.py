"""`make bench`: the measured figures, each with the command that gives it. It asserts nothing."""

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
ALL = (
    "agent_start",
    "echo_memory",
    "dissect",
    "lab",
    "channel",
    "run",
    "records",
    "memory",
    "healthy",
    "scale",
    "whole",
)


def main():
    wanted = sys.argv[1:] or ALL
    for name in wanted:
        command = [sys.executable, str(HERE / f"{name}.py")]
        print(f"\n== {name}:  python bench/{name}.py", flush=True)
        subprocess.run(command, check=False)


main()
