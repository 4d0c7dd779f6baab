"""What PowerShell of a Windows node of a lab prints to the agent."""

import contextlib
import io
import json

from podwire.agent.node.tools import LISTS
from podwire_lab.windows.programs import powershell

NODE = "windows-1"


def listing(lab, tool):
    """What a tool of the agent prints: from what the node has to list, and its neighbour table as it is."""
    listed, neighbours = lab.facts()["hns"][NODE], lab.command(NODE, "cat", "/proc/net/arp")
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        assert powershell.main(json.dumps(listed), ["-Command", LISTS[tool]], neighbours) == 0
    return printed.getvalue()
