"""Checks with every fault: they pass, fail with the fault, and pass after its removal."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest
from netlab import NetLab

from podwire_lab.faults.registry import FAULTS
from podwire_lab.model.profiles import PROFILES

Check = Callable[[NetLab], object]
VIP = "10.96.0.77"
USUAL = ("overlay-win-overlay", "l2bridge-win-bridge")  # the profiles that a fault of all is tried in


def params(checks: Mapping[str, Check]) -> list[object]:
    """A parameter for every fault of `checks` in every profile that it fits: `(profile, fault, check)`.

    Of two profiles with one mode only the first counts.
    """
    found = []
    for name, check in checks.items():
        modes = {PROFILES[profile].mode: profile for profile in reversed(FAULTS[name].profiles or USUAL)}
        found += [pytest.param(profile, name, check, id=f"{name}-{mode}") for mode, profile in modes.items()]
    return found


class Labs:
    """One lab for each profile, started when a test needs it."""

    def __init__(self) -> None:
        self._running: dict[str, NetLab] = {}

    def of(self, profile: str) -> NetLab:
        if profile not in self._running:
            self._running[profile] = lab = NetLab(profile)
            for number, pod in enumerate(lab.facts()["macs"]):
                if "/" in pod:
                    lab.service(f"10.96.1.{number}", pod)
        return self._running[profile]

    def close(self) -> None:
        for lab in self._running.values():
            lab.__exit__()


def breaks(lab: NetLab, fault: str, check: Check) -> None:
    """The check passes, fails with the fault, and passes after its removal."""
    assert check(lab), "the healthy network fails the check"
    lab.inject(fault)
    try:
        broken = not check(lab)
    finally:
        lab.remove(fault)
    assert broken, "the fault does not show"
    assert check(lab), "the network is not whole after the removal"


def works(client: str, server: str, **options: object) -> Check:
    """The intended server answers an exchange."""
    return lambda lab: lab.exchange(client, server, **options).ok


def seen_as(client: str, server: str, address: str, **options: object) -> Check:
    """The server answers an exchange and saw this address."""
    return lambda lab: lab.exchange(client, server, **options).seen == address


def wire(
    client: str, server: str, wanted: Callable[[list], bool], place: str = "fabric:windows-1", **options: object
) -> Check:
    """The server answers an exchange, and the packets at a place (the NIC of windows-1) are as wanted."""

    def check(lab: NetLab) -> bool:
        result = lab.exchange(client, server, record=[place], **options)
        return result.ok and wanted(result.packets[place])

    return check
