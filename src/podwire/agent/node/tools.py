"""The only programs that the agent may run: a node's CNI plugins, two tools, listings of Windows objects, restarts."""

from __future__ import annotations

import errno
import ntpath  # It takes both kinds of slashes.
import os
import re
import subprocess
import time

from podwire.agent.errors import Failure
from podwire.agent.loop import now
from podwire.agent.node.restarts import RESTARTS
from podwire.agent.parameters import wanted

TYPE_CHECKING = False  # To import typing would take a tenth of the start.
if TYPE_CHECKING:
    from typing import Any

    from podwire.agent.loop import Loop
    from podwire.agent.parameters import Parameters

TOOLS = ("nslookup", "ipconfig")
POWERSHELL = ("powershell.exe", "-NoProfile", "-NonInteractive", "-Command")
LISTS = {  # The module HostNetworkingService comes with the Containers feature. HNS calls a VNI a VSID.
    "hns-networks": "Get-HnsNetwork | ForEach-Object { [pscustomobject]@{ Name = $_.Name; Type = $_.Type; "
    "VSID = @($_.Subnets.Policies.VSID)[0]; Subnets = @($_.Subnets.AddressPrefix) } } | ConvertTo-Json -Compress",
    "hns-endpoints": "$types = @{}; Get-HnsNetwork | ForEach-Object { $types[[string]$_.ID] = $_.Type }; "
    "$all = @(Get-HnsEndpoint); $own = @($all | Where-Object { -not $_.IsRemoteEndpoint }).IPAddress; "
    "$all | Where-Object { $own -contains $_.IPAddress } | ForEach-Object { [pscustomobject]@{ Name = $_.Name; "
    "IPAddress = $_.IPAddress; MacAddress = $_.MacAddress; Remote = [bool]$_.IsRemoteEndpoint; "
    "State = $_.State; Type = $types[[string]$_.VirtualNetwork] } } | ConvertTo-Json -Compress",
    "hns-load-balancers": "$ErrorActionPreference = 'Stop'; [pscustomobject]@{ LoadBalancers = @(Get-HnsPolicyList | "
    "ForEach-Object { $_.Policies } | Where-Object { $_.Type -eq 'ELB' } | ForEach-Object { [pscustomobject]@{ "
    "VIPs = @($_.VIPs); IsDSR = [bool]$_.IsDSR; Port = $_.ExternalPort; Protocol = $_.Protocol } }) } "
    "| ConvertTo-Json -Compress -Depth 4",
    # With DSR, an OutBoundNAT policy with Destinations is for the hairpin to the pod itself, not for traffic outside.
    "windows-nat": "$ErrorActionPreference = 'Stop'; [pscustomobject]@{ NetNat = @(Get-NetNat | ForEach-Object { "
    "$_.Name }); Endpoints = @(Get-HnsEndpoint | Where-Object { -not $_.IsRemoteEndpoint } | ForEach-Object { "
    "[pscustomobject]@{ IPAddress = $_.IPAddress; Told = $null -ne $_.Policies; Policies = @($_.Policies | "
    "Where-Object { -not $_.Destinations } | ForEach-Object { $_.Type }) } }) } | ConvertTo-Json -Compress -Depth 4",
    # A fix may be there and off: a value below one of these keys turns it on (Windows-Containers issue 516).
    "windows-state": "function Told($key) { $item = Get-Item $key -ErrorAction SilentlyContinue; if ($item) { "
    "$item.Property | ForEach-Object { $_ + '=' + $item.GetValue($_) } } }; [pscustomobject]@{ "
    r"Hns = (Get-Item ($env:SystemRoot + '\System32\HostNetSvc.dll')).VersionInfo.ProductVersion; "
    "Endpoints = @(Get-HnsEndpoint | Where-Object { -not $_.IsRemoteEndpoint } | ForEach-Object { $_.IPAddress }); "
    # An OutBoundNAT policy with Destinations is for the hairpin of a pod, see above.
    "Translation = @(Get-HnsEndpoint | Where-Object { -not $_.IsRemoteEndpoint -and $null -ne $_.Policies } | "
    "ForEach-Object { $nat = @($_.Policies | Where-Object { $_.Type -eq 'OutBoundNAT' -and -not $_.Destinations }); "
    "if ($nat.Count) { 'except ' + ((@($nat.ExceptionList) + @($nat.Settings.Exceptions) | Where-Object { $_ }) "
    "-join ',') } else { 'none' } }); "
    "Gateways = @(Get-HnsNetwork | ForEach-Object { $_.Subnets.GatewayAddress }); "
    r"Overrides = @(Told 'HKLM:\SYSTEM\CurrentControlSet\Policies\Microsoft\FeatureManagement\Overrides'); "
    r"Switches = @(Told 'HKLM:\SYSTEM\CurrentControlSet\Services\hns\State') } | ConvertTo-Json -Compress",
    # A process that began later than at the last reading is another one: HNS or kube-proxy was restarted.
    "hns-processes": "function Began($id) { $process = Get-Process -Id $id -ErrorAction SilentlyContinue; "
    "if ($process) { $process.StartTime.ToFileTimeUtc() } }; "
    """$hns = (Get-CimInstance Win32_Service -Filter "Name='hns'").ProcessId; [pscustomobject]@{ Hns = Began $hns; """
    "Proxy = @(Get-Process kube-proxy -ErrorAction SilentlyContinue | ForEach-Object { "
    "$_.StartTime.ToFileTimeUtc() }) } | ConvertTo-Json -Compress",
    "vmswitch-ports": "vfpctrl.exe /list-vmswitch-port | Where-Object { "
    r"$_ -match '^\s*(Port name|Port Friendly name|Switch name|Port type|MAC address)\b' }",
}
PLUGINS = (
    "bridge", "win-bridge", "sdnbridge", "l2bridge", "win-overlay", "sdnoverlay", "flannel", "host-local", "vpc-bridge",
    "azure-vnet", "azure-vnet-ipam", "calico", "calico-ipam", "antrea", "ovn-k8s-cni-overlay",
)  # fmt: skip
MOST_TOLD, MOST_LISTED = 64 << 10, 512 << 10


async def tool(loop: Loop, params: Parameters) -> Parameters:
    """Run one of TOOLS, a CNI plugin by its absolute path, or one of LISTS or RESTARTS. Returns its exit code and its
    output.

    The output is cut to 64 KiB (a list: to 512 KiB, then an error). Environment variables in the path are replaced: a
    HostProcess container has the node's files below C: and its own below %CONTAINER_SANDBOX_MOUNT_POINT%.
    """
    name, limit = wanted(params, "name"), wanted(params, "timeout", float)
    path = os.path.normpath(ntpath.expandvars(name))
    plugin = re.sub(r"(?i)\.exe$", "", ntpath.basename(path)).lower() in PLUGINS
    script = LISTS.get(name) or RESTARTS.get(name)
    if script:
        path, *arguments = (*POWERSHELL, script)
    elif not (name in TOOLS or (plugin and (os.path.isabs(path) or ntpath.isabs(path)))):
        raise ValueError(f"{name!r} is neither {' nor '.join(TOOLS)} nor the absolute path of a known CNI plugin")
    else:
        arguments = [str(argument) for argument in params.get("arguments") or ()]
    command = (path, *arguments)
    environment = {**os.environ, **{key: str(value) for key, value in (params.get("environment") or {}).items()}}
    stdin, began = str(params.get("stdin") or "").encode(), time.perf_counter()

    def work() -> Any:
        return subprocess.run(command, input=stdin, capture_output=True, env=environment, timeout=limit, check=False)

    try:
        done = await loop.in_thread(work, now() + limit + 5.0)
    except (FileNotFoundError, NotADirectoryError):
        raise Failure("run", "not-found", errno.ENOENT, f"{path} is missing on this node") from None
    except (TimeoutError, subprocess.TimeoutExpired):
        raise Failure("run", "timeout", None, f"{path} did not end within {limit:g} s") from None
    except OSError as error:
        raise Failure("run", "other", error.errno, f"{path} cannot be started: {error.strerror}") from None
    most = MOST_LISTED if name in LISTS else MOST_TOLD
    if name in LISTS and len(done.stdout) > most:
        raise Failure("run", "other", None, f"{name} lists {len(done.stdout)} bytes; the limit is {most}")
    stdout, stderr = (text[:most].decode("utf-8", "replace") for text in (done.stdout, done.stderr[:MOST_TOLD]))
    return {"code": done.returncode, "stdout": stdout, "stderr": stderr, "elapsed": time.perf_counter() - began}
