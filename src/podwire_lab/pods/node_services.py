"""The services of a node for its pods, and a container made from them: command, environment and file system."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from podwire_lab.model.interfaces import NodeNetwork, Object, PodNetwork, Store
from podwire_lab.pods import privileges, spec
from podwire_lab.pods.containers import Command, SpawnerClient
from podwire_lab.pods.images import find_image
from podwire_lab.pods.resolvers import Resolver
from podwire_lab.pods.rootfs import RootSpec, Volume
from podwire_lab.pods.spec import PodContext

LISTINGS = "/.podwire/listings"
"""Where a HostProcess container sees what its node lists."""


@dataclass(frozen=True, kw_only=True)
class NodeServices:
    """The node's services for a pod. `resolver` returns the resolver's settings, and may start a DNS client in the
    pod."""

    node: NodeNetwork
    store: Store
    spawner: SpawnerClient
    work: str
    resolver: Callable[[Object, PodNetwork | None], Awaitable[Resolver]]
    release: Callable[[str], None]
    links: dict[str, str]
    scripts: Callable[[bool], dict[str, str]]
    needed: Sequence[str]


def prepared(
    services: NodeServices, context: PodContext, container: Object, resolver: Resolver
) -> tuple[Command, RootSpec]:
    """The command of a container whose image is there.

    Raises:
        NotYet: something that it needs is missing.
    """
    image = find_image(container["image"])
    assert image is not None
    env = spec.environment(context, container, services.store)
    host_process = context.host_process(container)
    directory = f"{services.work}/pods/{context.pod['metadata']['uid']}"
    os.makedirs(directory, exist_ok=True)
    root = RootSpec(
        volumes=spec.volumes(
            context,
            container,
            store=services.store,
            directory=directory,
            node_directory=f"{services.work}/nodes/{services.node.name}",
        ),
        etc={
            "resolv.conf": resolver.to_file(),
            "hosts": spec.hosts_file(context, aliases=resolver.aliases),
            "hostname": spec.hostname(context) + "\n",
        },
        links=dict(services.links),
        scripts=services.scripts(host_process),
        needed=list(services.needed),
        read_only=privileges.read_only_root(context, container),
    )
    if services.node.os == "windows":
        root["etc"]["adapter.conf"] = (resolver.adapter or resolver).to_file()
    if host_process:
        directory = f"{services.work}/listings/{services.node.name}"
        os.makedirs(directory, exist_ok=True)
        services.node.list_in(directory)
        root["volumes"].append(Volume(source=directory, target=LISTINGS, read_only=True))
        root["links"][f"{spec.SANDBOX}/Python/python.exe"] = services.links["python"]
    command = Command(
        argv=spec.command_line(context, container, image, env),
        env=env,
        capabilities=privileges.capabilities(context, container),
        user=privileges.user(context, container),
        cwd=container.get("workingDir") or (spec.SANDBOX if host_process else "/"),
    )
    return command, root
