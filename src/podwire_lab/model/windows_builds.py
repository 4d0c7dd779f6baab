"""Features of a release of Windows Server in a cluster, by build and revision, as the documents state them. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

# The product names, by build, of the releases that the lab emulates.
PRODUCTS: Mapping[int, str] = MappingProxyType(
    {
        17763: "Windows Server 2019 Datacenter",
        20348: "Windows Server 2022 Datacenter",
        26100: "Windows Server 2025 Datacenter",
    }
)


class UnknownBuild(ValueError):
    """The text is no build of Windows Server that the lab can emulate."""


@dataclass(frozen=True, order=True)
class WindowsBuild:
    """A build with its update revision, `20348.2762`; builds compare in the order of their release."""

    number: int
    revision: int

    def __str__(self) -> str:
        return f"{self.number}.{self.revision}"

    @property
    def version(self) -> str:
        """The kubelet's node label, which has no revision (pkg/kubelet/winstats/version.go)."""
        return f"10.0.{self.number}"

    @property
    def kernel_version(self) -> str:
        """The kubelet's version text: `10.0.<build>.<revision>`."""
        return f"{self.version}.{self.revision}"

    @property
    def product(self) -> str:
        return PRODUCTS[self.number]

    @property
    def has_dsr(self) -> bool:
        """sig-windows-tools requires KB4580390 (17763.1554) on Windows Server 2019; KEP-5100 names an earlier one."""
        return self >= WindowsBuild(17763, 1554)

    @property
    def has_session_affinity(self) -> bool:
        """kubernetes.io, "Networking on Windows", load balancing: Windows Server 2022 (hcn: HNS 12.0)."""
        return self.number >= 20348

    @property
    def has_dual_stack(self) -> bool:
        """hcn's IPv6DualStackSupported needs HNS 11.10, Windows Server 2022; one page of the documentation says
        2019."""
        return self.number >= 20348

    @property
    def backend_limit(self) -> int:
        """The largest number of backends of a load balancer: 64, and 1024 from 17763.2746 on (Amazon EKS: Windows
        support)."""
        return 64 if self < WindowsBuild(17763, 2746) else 1024

    @property
    def loses_tunnels(self) -> bool:
        """kubernetes.io, "Networking on Windows", network modes, Overlay: Windows Server 2019 needs KB4489899
        (17763.379)."""
        return self < WindowsBuild(17763, 379)

    @property
    def loses_node_ports_on_overlay(self) -> bool:
        """Windows-Containers issue 204: node ports of Windows Server 2022. The end is inferred: 20348.681, KB5012637,
        which OpenShift's operator requires.
        """
        return self.number == 20348 and self.revision < 681

    @property
    def loses_pods_on_l2bridge(self) -> bool:
        """kubernetes.io: pod to pod with DSR on l2bridge, from KB5005619 (20348.261) on. The end is inferred as
        above."""
        return self.number == 20348 and 261 <= self.revision < 681


DEFAULT_BUILD = WindowsBuild(20348, 2762)


def windows_build(text: str) -> WindowsBuild:
    """The build of a text such as `20348.2762`.

    Raises:
        UnknownBuild: another form, or a release that the lab does not emulate; the text lists the possible ones.
    """
    match = re.fullmatch(r"(\d{1,6})\.(\d{1,6})", text)
    if match is None or int(match[1]) not in PRODUCTS:
        builds = ", ".join(f"{number}.REVISION ({product})" for number, product in PRODUCTS.items())
        raise UnknownBuild(f"unknown Windows build {text!r}; there are: {builds}")
    return WindowsBuild(int(match[1]), int(match[2]))
