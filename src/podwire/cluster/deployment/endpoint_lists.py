"""EndpointSlices that the run writes for Services without a selector, with probe pods in them.

So a change of endpoints is one request, and the moment is known at which the API server has it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from typing import Any, Protocol

from podwire.cluster.deployment import manifests
from podwire.cluster.deployment.services import DeployedService, Services
from podwire.cluster.rest import RestClient
from podwire.cluster.threads import workers
from podwire.errors import ApiError, concerns_the_run
from podwire.model.changes.endpoint_lists import MOST, Endpoints
from podwire.model.facts import FAMILIES, Family
from podwire.model.flows import ANY_OS

Object = dict[str, Any]
_THREADS = 8


class Pod(Protocol):
    """What a list needs of a probe pod."""

    @property
    def os(self) -> str: ...
    @property
    def slot(self) -> str: ...
    @property
    def pod(self) -> str: ...
    @property
    def node(self) -> str: ...
    @property
    def identity(self) -> str: ...
    @property
    def addresses(self) -> Mapping[Family, str]: ...


def write_lists(
    rest: RestClient, run_id: str, services: Services, probes: Sequence[Pod], lists: Mapping[str, Endpoints]
) -> dict[str, frozenset[str]]:
    """Write the lists of those kinds that the run has. Returns by kind the identities of the ready endpoints, of kinds
    whose Services share their endpoints.

    A list that the API refuses, or for which there are too few pods, is the problem of its Service.
    """
    members: dict[str, frozenset[str]] = {}
    asked: list[tuple[DeployedService, Future[Object]]] = []
    with workers(_THREADS, "lists") as threads:
        for service in [service for service in services.found.values() if service.kind in lists]:
            endpoints = lists[service.kind]
            able, least = (_own(service, probes), 1) if service.pod else (_able(probes), MOST)
            if len(able) < least:
                few = f"Service {service.name} needs {least} pods as its endpoints, and {len(able)} are ready"
                services.problems[service.kind, service.pod] = few
                continue
            if not service.pod:
                members[service.kind] = frozenset(able[number].identity for number in endpoints.ready)
            asked += [(service, threads.submit(rest.apply, obj)) for obj in _slices(run_id, service, able, endpoints)]
        for service, answer in asked:
            try:
                answer.result()
            except ApiError as error:
                if concerns_the_run(error):
                    raise
                refused = f"the API server refuses them: {error.message}"
                services.problems[service.kind, service.pod] = f"the endpoints of Service {service.name}: {refused}"
    return members


def _own(service: DeployedService, probes: Sequence[Pod]) -> list[Pod]:
    """The pod that a Service is for, if it is ready."""
    return [probe for probe in probes if probe.pod == service.pod and probe.addresses]


def _able(probes: Sequence[Pod]) -> list[Pod]:
    """The pods that lists may have: Linux and Windows in turn, node by node, first `b`, from which few flows start."""
    by_os = {
        os: [
            probe for slot in ("b", "a") for probe in probes if (probe.os, probe.slot) == (os, slot) and probe.addresses
        ]
        for os in ANY_OS
    }
    longest = max(map(len, by_os.values()))
    return [by_os[os][at] for at in range(longest) for os in ANY_OS if at < len(by_os[os])]


def _slices(run_id: str, service: DeployedService, able: Sequence[Pod], endpoints: Endpoints) -> Iterator[Object]:
    """One slice for each address family of the Service."""
    for family in FAMILIES:
        if family not in service.cluster_ips:
            continue
        entries = [
            {
                "addresses": [able[number].addresses[family]],
                "nodeName": able[number].node,
                "conditions": {"ready": number not in endpoints.unready, "serving": number not in endpoints.unready},
            }
            for number in endpoints.members
            if family in able[number].addresses
        ]
        yield {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {
                "name": f"{service.name}-{family}",
                "namespace": manifests.namespace_name(run_id),
                "labels": {
                    manifests.MANAGED_BY: manifests.MANAGER,
                    manifests.RUN_LABEL: run_id,
                    "kubernetes.io/service-name": service.name,
                },
            },
            "addressType": "IPv6" if family == "ipv6" else "IPv4",
            "endpoints": entries,
            "ports": [
                {"name": name, "port": port.target, "protocol": port.protocol.upper()}
                for name, port in service.ports.items()
            ],
        }
