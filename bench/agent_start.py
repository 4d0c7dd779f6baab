"""The cost of an agent's start: CPU time (user and system) of the process until it is ready, side by side.

Old is the agent as one Python file (of commit 73066de, or FILE); new is the archive with byte code of this Python;
foreign is the archive for a Python that did not make it. Ready means: the agent answered the runner's hello; it also
made an exchange; its echo server listens.

    python bench/agent_start.py [--old FILE] [--python PYTHON] [--runs N]
"""

import argparse
import io
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from podwire.agent.framing import PREAMBLE, Decoder, Encoder, Kind
from podwire.cluster.deployment.agent_archive import agent_archive

OLD = "73066de:src/podwire/probe/agent.py"
HELLO = {"method": "hello"}


def foreign(data):
    """The archive with byte code that no Python accepts."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as original, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for entry in original.infolist():
            content = original.read(entry)
            archive.writestr(entry.filename, b"\0\0" + content[2:] if entry.filename.endswith(".pyc") else content)
    return made.getvalue()


def used(process):
    """Milliseconds of CPU time of a process that is about to end."""
    _, _, usage = os.wait4(process.pid, 0)
    process.returncode = 0
    return (usage.ru_utime + usage.ru_stime) * 1000


def asked(command, *requests):
    """Start an agent, wait for the answer to each request in turn, and end it."""
    process = subprocess.Popen([*command, "rpc"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
    encoder, decoder = Encoder(), Decoder()
    process.stdin.write(PREAMBLE)
    for request in requests:
        process.stdin.write(encoder.frame(Kind.REQUEST, 1, json.dumps(request).encode()))
        frames = []
        while not frames:
            frames = decoder.feed(os.read(process.stdout.fileno(), 1 << 16))
        assert frames[0][0] == Kind.RESULT, frames
    process.stdin.close()
    spent = used(process)
    process.stdout.close()
    return spent


def hello(command):
    return asked(command, HELLO)


def exchange(command):
    """The cost with one exchange. It is refused: there is no other process."""
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        params = {"proto": "tcp", "host": "127.0.0.1", "port": nobody.getsockname()[1], "token": "t", "timeout": 5}
        return asked(command, HELLO, {"method": "exchange", "params": params})


def serve(command):
    process = subprocess.Popen([*command, "serve", "--port", "0"], stderr=subprocess.PIPE)
    assert b"echo on port" in process.stderr.readline()
    process.terminate()
    spent = used(process)
    process.stderr.close()
    return spent


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--old", type=Path)
    options.add_argument("--python", default=sys.executable)
    options.add_argument("--runs", type=int, default=11)
    arguments = options.parse_args()
    old = (
        arguments.old.read_bytes()
        if arguments.old
        else subprocess.run(["git", "show", OLD], stdout=-1, check=True).stdout
    )
    with tempfile.TemporaryDirectory() as folder:
        commands = {}
        for name, data in (("old", old), ("new", agent_archive()), ("foreign", foreign(agent_archive()))):
            path = Path(folder, "agent.py" if name == "old" else f"{name}.pyz")
            path.write_bytes(data)
            commands[name] = [arguments.python, "-I", "-S", str(path)]
            print(f"{name}: {len(data):,} bytes")
        for scenario in (hello, exchange, serve):
            spent = {name: [] for name in commands}
            for _ in range(arguments.runs):
                for name, command in commands.items():
                    spent[name].append(scenario(command))
            for name, times in spent.items():
                least, median = min(times), statistics.median(times)
                ratio, middle = least / min(spent["old"]), median / statistics.median(spent["old"])
                figures = f"least {least:.1f} ms, median {median:.1f} ms (of {arguments.runs})"
                print(f"{scenario.__name__}: {name}: {figures}: {ratio:.2f} and {middle:.2f} of old")


main()
