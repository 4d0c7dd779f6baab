"""`netsh` of an emulated Windows node, as far as podwire asks it: its dynamic ports, and those that are excluded.

    netsh int ipv4|ipv6 show dynamicport|excludedportrange tcp|udp

Source: Microsoft, "Service overview and network port requirements for Windows" (`netsh int ipv4 show dynamicport tcp`)
and the layout of both answers. HNS reserves blocks of 64 ports inside the range for what it translates: they are listed
without the star of an administrator's exclusion. The node puts what it has to tell before netsh's own arguments.
Standard library only.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from itertools import pairwise

BLOCK = 64
SHOWN = ("dynamicport", "excludedportrange")


def main(state: str, arguments: Sequence[str]) -> int:
    words = [word.lower() for word in arguments]
    head, shown, protocol = words[:3], words[3:4], words[4:]
    valid = head in (["int", "ipv4", "show"], ["int", "ipv6", "show"])
    if not valid or shown[:1] not in ([SHOWN[0]], [SHOWN[1]]) or protocol not in (["tcp"], ["udp"]):
        print(f"The following command was not found: {' '.join(arguments)}.")
        return 1
    ranges = [tuple(int(end) for end in text.split("-")) for text in json.loads(state)["ports"]]
    lines = dynamic(ranges, protocol[0]) if shown == [SHOWN[0]] else excluded(ranges, protocol[0])
    print("\n".join(lines))
    return 0


def dynamic(ranges: Sequence[tuple[int, ...]], protocol: str) -> Iterator[str]:
    first, last = ranges[0][0], ranges[-1][1]
    yield f"\nProtocol {protocol} Dynamic Port Range"
    yield "---------------------------------"
    yield f"Start Port      : {first}"
    yield f"Number of Ports : {last - first + 1}\n"


def excluded(ranges: Sequence[tuple[int, ...]], protocol: str) -> Iterator[str]:
    yield f"\nProtocol {protocol} Port Exclusion Ranges"
    yield "\nStart Port    End Port      "
    yield "----------    --------      "
    for before, after in pairwise(ranges):
        yield f"{before[1] + 1:>10}{after[0] - 1:>12}     *"
    yield f"{ranges[-1][1] - BLOCK + 1:>10}{ranges[-1][1]:>12}      "
    yield "\n* - Administered port exclusions.\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
