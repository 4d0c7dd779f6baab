"""Held against every fault: the network is good, then bad, then good again."""

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

    Of two profiles of one mode the first will do.
    """
    found = []
    for name, check in checks.items():
        modes = {PROFILES[one].mode: one for one in reversed(FAULTS[name].profiles or USUAL)}
        found += [pytest.param(profile, name, check, id=f"{name}-{mode}") for mode, profile in modes.items()]
    return found


class Labs:
    """One lab a profile, started when a test needs it."""

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
    """Good, injected, bad, removed, good."""
    assert check(lab), "the healthy network fails the check"
    lab.inject(fault)
    try:
        broken = not check(lab)
    finally:
        lab.remove(fault)
    assert broken, "the fault does not show"
    assert check(lab), "the network is not whole after the removal"


def works(client: str, server: str, **more: object) -> Check:
    """An exchange is answered by whom it was meant for."""
    return lambda lab: lab.exchange(client, server, **more).ok


def seen_as(client: str, server: str, address: str, **more: object) -> Check:
    """An exchange is answered, and the server saw this address."""
    return lambda lab: lab.exchange(client, server, **more).seen == address


def wire(
    client: str, server: str, wanted: Callable[[list], bool], place: str = "fabric:windows-1", **more: object
) -> Check:
    """An exchange is answered, and the packets at a place (the NIC of windows-1) are as wanted."""

    def check(lab: NetLab) -> bool:
        result = lab.exchange(client, server, record=[place], **more)
        return result.ok and wanted(result.packets[place])

    return check
