"""The commands by name, and the end of a command that is refused."""

from collections.abc import Callable

from podwire_lab.windows.programs.pktmon.capture import counters, start, status, stop
from podwire_lab.windows.programs.pktmon.components import show_components
from podwire_lab.windows.programs.pktmon.conversion import convert
from podwire_lab.windows.programs.pktmon.filters import change_filters
from podwire_lab.windows.programs.pktmon.words import Refused

COMMANDS: dict[str, Callable[[list[str]], None]] = {
    "filter": change_filters,
    "list": show_components,
    "comp": lambda rest: show_components(rest[1:]),
    "start": start,
    "status": status,
    "counters": counters,
    "stop": stop,
    "etl2pcap": convert,
    "pcapng": convert,
}


def main(arguments: list[str]) -> int:
    """Run one command and print its output. The exit code: 0, or 1 for a refused command."""
    try:
        if not arguments or arguments[0].lower() not in COMMANDS:
            raise Refused(f"Unknown command: {' '.join(arguments) or '(none)'}")
        COMMANDS[arguments[0].lower()](arguments[1:])
    except (Refused, OSError) as refused:
        print(refused)
        return 1
    return 0
