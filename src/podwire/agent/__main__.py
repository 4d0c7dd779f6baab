"""`agent.pyz serve` and `agent.pyz rpc`: the command line of the agent."""

from __future__ import annotations

import itertools
import os
import signal
import sys

from podwire.agent.loop import Loop
from podwire.agent.system import WINDOWS, complain, raise_descriptor_limit

USAGE = """usage: agent.pyz serve --port PORT [--port PORT ...] [--http-port PORT] [--dns-port PORT]
       agent.pyz rpc"""


def main(arguments: list[str]) -> None:
    """Run the mode on the command line. It never returns: the process ends."""
    if not WINDOWS:
        # Process 1 of a container ignores these signals without a handler.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: os._exit(0))
    mode, rest = (arguments[0], arguments[1:]) if arguments else ("", [])
    if mode == "serve":
        options = serve_options(rest)
        if options.get("--port"):
            serve(options)
    elif mode == "rpc" and rest in ([], ["--threads"]):
        rpc(threads=bool(rest))
    sys.stderr.write(USAGE + "\n")
    sys.exit(2)


def serve_options(arguments: list[str]) -> dict[str, list[int]]:
    """The port numbers of each option, in order; empty if one is wrong."""
    options: dict[str, list[int]] = {name: [] for name in ("--port", "--http-port", "--dns-port")}
    for name, value in itertools.zip_longest(arguments[::2], arguments[1::2], fillvalue=""):
        if name not in options or not (value.isascii() and value.isdigit() and len(value) <= 5 and int(value) <= 65535):
            return {}
        options[name].append(int(value))
    return options


def serve(options: dict[str, list[int]]) -> None:
    """Serve until the process ends. Exits with code 1 and one line if it cannot listen on a port.

    PODWIRE_ADDRESSES lists the addresses to listen on, separated by commas; without it: all addresses.
    """
    from podwire.agent.echo import EchoServer

    loop = Loop()
    addresses = [address for address in os.environ.get("PODWIRE_ADDRESSES", "").split(",") if address]
    server = EchoServer(loop, os.environ.get("PODWIRE_IDENTITY", ""), addresses)
    try:
        for port in options["--port"]:
            server.listen(port)
        for port in options["--http-port"]:
            server.listen_tcp(port)
        for port in options["--dns-port"]:
            server.listen_dns(port)
    except ValueError as problem:
        complain(str(problem))
        sys.exit(1)
    complain(f"echo on port {', '.join(map(str, options['--port']))}")
    loop.run()


def rpc(threads: bool) -> None:
    """Serve the runner's requests until its stream ends. `threads` reads and writes with threads, as on Windows."""
    from podwire.agent.rpc import Rpc

    sys.stdout = sys.stderr  # No print may get into the stream.
    raise_descriptor_limit()
    if WINDOWS:
        import msvcrt

        for fd in (0, 1):
            msvcrt.setmode(fd, os.O_BINARY)  # type: ignore[attr-defined,unused-ignore]
    loop = Loop()
    agent = Rpc(loop, threads)
    if not WINDOWS:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: agent.end(0))
    loop.run()


if __name__ == "__main__":
    main(sys.argv[1:])
