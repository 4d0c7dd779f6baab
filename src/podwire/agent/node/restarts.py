"""The commands that restart programs of a Windows node, which only a run with `--disruptive` sends.

Each is one program on the node, so it goes on when the stream to the agent breaks, and starts again what it stopped
even when the stop fails half-way. kube-proxy is a service (AKS, Amazon EKS) or a container's process; a process is only
ended, because its container or its owner starts it again.
"""

from __future__ import annotations

_PROXY = "$proxy = @(Get-Service | Where-Object { $_.Name -match '^kube-?proxy' })"
RESTARTS = {
    # -Force restarts the services that depend on HNS too (Microsoft: Restart-Service).
    "restart-hns": "$ErrorActionPreference = 'Stop'; try { Restart-Service hns -Force } finally { Start-Service hns }",
    "restart-kube-proxy": f"$ErrorActionPreference = 'Stop'; {_PROXY}; if ($proxy) {{ try {{ $proxy | Restart-Service "
    "-Force } finally { $proxy | Start-Service } } else { Stop-Process -Name kube-proxy -Force }",
    # What runs already stays as it is.
    "start-services": f"$ErrorActionPreference = 'Stop'; Start-Service hns; {_PROXY}; $proxy | Start-Service",
}
"""The tools that change a node, by name; each is a command of PowerShell."""
