"""What Windows itself tells of a node: address translation, and the virtual switch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

from podwire.judging.listings import WHERE, Listing
from podwire.judging.parts import Observed
from podwire.model.flows import Peer
from podwire.model.verdicts import Finding
from podwire.platforms.hns import translation_in
from podwire.platforms.vmswitch import ports_in


@dataclass(frozen=True)
class NoNatFor(Listing):
    """Neither NAT of Windows (Get-NetNat) nor an OutBoundNAT policy of HNS translates the pod."""

    word, tool, subject = "windows.no_nat_for", "windows-nat", "what Windows translates"
    pod: Peer

    def sentences(self) -> Iterator[str]:
        yield f"neither NAT of Windows nor an OutBoundNAT policy of HNS for {self.pod}"

    def findings(self, bound: Self, observed: Observed) -> Iterator[Finding]:
        translation, address = self.listed(translation_in, observed), str(bound.pod.ip)
        actual = f"it has {', '.join(translation.net_nat) or 'none'}"
        yield Finding(
            expected="no NAT of Windows itself (Get-NetNat)", actual=actual, where=WHERE, met=not translation.net_nat
        )
        # A list of endpoints without the pod's would be an empty word.
        listed = address in [endpoint for endpoint, _ in translation.endpoints]
        among = f"endpoints of HNS, that of {self.pod.ip} ({address}) among them"
        yield Finding(
            expected=f"{among}, and none with an OutBoundNAT policy",
            actual=f"{len(translation.translated)} of {len(translation.endpoints)} have one"
            if listed
            else f"it lists none for {address}",
            where=WHERE,
            met=listed and not translation.translated,
        )


@dataclass(frozen=True)
class ExternalSwitchFor(Listing):
    """The port of the virtual switch with the pod's MAC is on a switch that a network card is bound to."""

    word, tool, subject = "windows.external_switch_for", "vmswitch-ports", "the ports of the virtual switch"
    pod: Peer

    def sentences(self) -> Iterator[str]:
        yield f"the port of {self.pod} is on an external virtual switch"

    def findings(self, bound: Self, observed: Observed) -> Iterator[Finding]:
        ports, mac = self.listed(ports_in, observed), str(bound.pod.mac)
        own = next((port for port in ports if port.mac == mac), None)
        external = next((port for port in ports if own and port.switch == own.switch and port.external), None)
        if own is None:
            actual = f"none of {len(ports)} ports has that MAC"
        else:
            way = f"its external port is {external}" if external else "it has no external port"
            actual = f"{own} is on switch {own.switch}; {way}"
        expected = f"a port for {self.pod.mac} ({mac}) on a virtual switch that has an external port"
        yield Finding(expected=expected, actual=actual, where=WHERE, met=external is not None)
