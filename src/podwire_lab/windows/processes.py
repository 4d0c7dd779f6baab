"""Since when the processes of an emulated Windows node run: HNS, and kube-proxy where there is one."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

_FILETIME_OF_1970 = 116_444_736_000_000_000  # 100-ns units from 1601 to 1970 (Microsoft: FILETIME)


class Processes:
    """Both begin with the node. Times are those of .NET's ToFileTimeUtc: units of 100 ns since 1601."""

    def __init__(self, *, proxies: bool) -> None:
        self._hns = self._proxy = _now()
        self._proxies = proxies
        self.without_proxy = False
        """A fault's: kube-proxy does not run."""
        self.restarted: dict[str, Mapping[str, Callable[[], object]]] = {}
        """What faults do when a program was restarted, by the fault's name and the program's."""

    @property
    def began(self) -> Mapping[str, object]:
        """`hns`, and `proxy` as a list."""
        return {"hns": self._hns, "proxy": [self._proxy] if self._proxies and not self.without_proxy else []}

    def follow(self, program: str) -> None:
        """Do what faults do once this program, `hns` or `kube-proxy`, was restarted."""
        for by_program in list(self.restarted.values()):
            if program in by_program:
                by_program[program]()

    def restart_proxy(self) -> None:
        """kube-proxy is another process from now on."""
        self._proxy = max(_now(), self._proxy + 1)

    def restart_hns(self) -> None:
        """HNS is another process from now on."""
        self._hns = max(_now(), self._hns + 1)


def _now() -> int:
    return time.time_ns() // 100 + _FILETIME_OF_1970
