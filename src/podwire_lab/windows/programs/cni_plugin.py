"""A reference CNI plugin of an emulated Windows node, as far as the question goes whether it can CHECK: it cannot.

    CNI_COMMAND=VERSION | CHECK (with CNI_CONTAINERID, CNI_NETNS, CNI_IFNAME, CNI_PATH), the network's JSON on stdin

Sources: CNI specification 1.0.0, parameters, versions and errors; containernetworking/plugins, plugins/main/windows:
`cmdCheck` of win-bridge and of win-overlay does nothing and finds no fault, though VERSION names versions that have
CHECK. Such a plugin works on HNS, which the lab does not have: ADD and DEL are refused. Standard library only.
"""

import json
import os
import sys
from typing import Any

DIRECTORY = "C:\\opt\\cni\\bin"
"""Where Kubernetes nodes keep them. A HostProcess container of the lab finds them by this path too, as by a name on its
PATH: to Linux it is one.
"""
PLUGINS = ("win-bridge", "win-overlay")
VERSIONS = ("0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0")
FIRST_WITH_CHECK = VERSIONS.index("0.4.0")
REQUIRED = ("CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME", "CNI_PATH")
INCOMPATIBLE, UNKNOWN_CONTAINER, BAD_ENVIRONMENT, CANNOT_DECODE, BAD_CONFIGURATION, NOT_HERE = 1, 3, 4, 6, 7, 100
FINDS_FAULT = "check-finds-fault"
"""A quirk, as an argument after the plugin's name: CHECK does what the specification wants."""


class Refused(Exception):
    """An error of the specification: its code and its text."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


def main(plugin: str, *quirks: str) -> int:
    try:
        answer = run(plugin, os.environ.get("CNI_COMMAND", ""))
        if FINDS_FAULT in quirks and answer is None:
            raise Refused(UNKNOWN_CONTAINER, f"there is no container {os.environ['CNI_CONTAINERID']}")
    except Refused as refused:
        print(json.dumps({"cniVersion": VERSIONS[-1], "code": refused.code, "msg": str(refused)}))
        return 1
    if answer is not None:
        print(json.dumps(answer))
    return 0


def run(plugin: str, command: str) -> "dict[str, Any] | None":
    if command == "VERSION":
        return {"cniVersion": VERSIONS[-1], "supportedVersions": VERSIONS}
    if command in ("ADD", "DEL"):
        raise Refused(NOT_HERE, f"the emulated {plugin} does not support {command}: the lab has no HNS")
    if command != "CHECK":
        raise Refused(
            BAD_ENVIRONMENT, f"unknown CNI_COMMAND: {command}" if command else "CNI_COMMAND env variable missing"
        )
    missing = [name for name in REQUIRED if not os.environ.get(name)]
    if missing:
        raise Refused(BAD_ENVIRONMENT, f"required env variables [{','.join(missing)}] missing")
    version = configuration().get("cniVersion") or VERSIONS[0]
    if version not in VERSIONS:
        raise Refused(INCOMPATIBLE, f"incompatible CNI versions: config is {version}, plugin supports {list(VERSIONS)}")
    if VERSIONS.index(version) < FIRST_WITH_CHECK:
        raise Refused(INCOMPATIBLE, "config version does not allow CHECK")
    return None  # The specification says so for every container, missing ones too.


def configuration() -> "dict[str, Any]":
    try:
        read = json.load(sys.stdin)
    except ValueError as error:
        raise Refused(CANNOT_DECODE, f"error unmarshall network config: {error}") from None
    if not isinstance(read, dict) or not read.get("name"):
        raise Refused(BAD_CONFIGURATION, "missing network name")
    return read


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
