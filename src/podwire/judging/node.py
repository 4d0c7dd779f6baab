"""What a node told of itself, held against an expectation: what HNS, Windows' NAT and the virtual switch of the
client's node list, and what EC2 says of its network cards. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

from podwire.model.cases import Expectation
from podwire.model.flows import Peer
from podwire.model.observations import Observation
from podwire.model.patterns import Unbound, bound, meets
from podwire.model.symbols import Symbol
from podwire.model.verdicts import Finding
from podwire.platforms.hns import NoListing, endpoints_in, load_balancers_in, mode_told_by, networks_in, translation_in
from podwire.platforms.vmswitch import ports_in
from podwire.platforms.warm_pools import NoCard, card_in

WHERE = "client's node"
T = TypeVar("T")


def node_findings(expectation: Expectation, observation: Observation) -> Iterator[Finding]:
    """A finding for each part of an expectation that a node's own word decides.

    Raises:
        Unbound: the node told something else than what it was asked for.
    """
    if expectation.hns_subnet_of is not None:
        yield _subnet(expectation.hns_subnet_of, observation)
    if expectation.hns_endpoint_of is not None:
        yield from _endpoint(expectation.hns_endpoint_of, expectation.hns_mode, observation)
    elif expectation.hns_mode is not None:
        yield _mode(expectation.hns_mode, observation)
    if expectation.no_windows_nat_of is not None:
        yield from _no_nat(expectation.no_windows_nat_of, observation)
    if expectation.hns_load_balancers is not None:
        yield _load_balancers(expectation.hns_load_balancers, observation)
    if expectation.hns_balances is not None:
        yield _balanced(expectation.hns_balances, expectation.hns_dsr, observation)
    if expectation.external_switch_of is not None:
        yield _external_switch(expectation.external_switch_of, observation)
    if expectation.on_card is not None:
        yield _on_card(expectation.on_card, observation)
    if expectation.card_has is not None:
        yield _card_has(expectation.card_has, observation)
    if expectation.cards is not None:
        yield _cards(expectation.cards, observation)


def _told(read: Callable[[str], T], what: str, observation: Observation) -> T:
    """What a node told of itself; what cannot be read is no finding, and says nothing."""
    try:
        return read(observation.output)
    except (NoListing, NoCard) as problem:
        raise Unbound(f"{what}: what was told is {problem}") from problem


def _value(symbol: Symbol, observation: Observation) -> str:
    return str(bound(symbol, observation.bindings))


def _subnet(symbol: Symbol, observation: Observation) -> Finding:
    networks, address = _told(networks_in, "the networks of HNS", observation), _value(symbol, observation)
    listed = ", ".join(f"{one.name} {' and '.join(one.subnets) or 'none'}" for one in networks)
    met = any(one.has_room_for(address) for one in networks)
    text = f"{symbol} ({address}) of a subnet that HNS lists"
    return Finding(expected=text, actual=f"they are: {listed or 'none'}", where=WHERE, met=met)


def _mode(symbol: Symbol, observation: Observation) -> Finding:
    told = mode_told_by(_told(networks_in, "the networks of HNS", observation))
    mode = _value(symbol, observation)
    return Finding(
        expected=f"networks of HNS of the mode {mode}", actual=told.words, where=WHERE, met=told.mode == mode
    )


def _endpoint(peer: Peer, mode: Symbol | None, observation: Observation) -> Iterator[Finding]:
    """Whether HNS has one endpoint with the address of a pod, and its MAC, on a network of that mode."""
    endpoints = _told(endpoints_in, "the endpoints of HNS", observation)
    address, mac = (_value(symbol, observation) for symbol in (peer.ip, peer.mac))
    found = [one for one in endpoints if one.address == address]
    text = f"one endpoint of HNS for {peer.ip} ({address}), with the MAC {mac}"
    actual = f"{len(found)}: {', '.join(map(str, found))}" if found else f"none of {len(endpoints)}"
    met = [(one.mac, one.remote) for one in found] == [(mac, False)]
    yield Finding(expected=text, actual=actual, where=WHERE, met=met)
    if mode is not None and found:
        wanted, modes = _value(mode, observation), {one.mode for one in found}
        if "" in modes:
            raise Unbound(f"the type of the network that the endpoint of {address} is of")
        text = f"its network of the mode {wanted}"
        yield Finding(expected=text, actual=f"it is {', '.join(sorted(modes))}", where=WHERE, met=modes == {wanted})


def _no_nat(peer: Peer, observation: Observation) -> Iterator[Finding]:
    """Whether Windows translates nothing by itself; a list of endpoints without the pod's would be an empty word."""
    told, address = _told(translation_in, "what Windows translates", observation), _value(peer.ip, observation)
    text = "no NAT of Windows itself (Get-NetNat)"
    yield Finding(
        expected=text, actual=f"it has {', '.join(told.net_nat) or 'none'}", where=WHERE, met=not told.net_nat
    )
    text = f"endpoints of HNS, that of {peer.ip} ({address}) among them, and none with an OutBoundNAT policy"
    listed = address in [one for one, _ in told.endpoints]
    actual = f"{len(told.translated)} of {len(told.endpoints)} have one" if listed else f"it lists none for {address}"
    yield Finding(expected=text, actual=actual, where=WHERE, met=listed and not told.translated)


def _load_balancers(number: int, observation: Observation) -> Finding:
    found = _told(load_balancers_in, "the load balancers of HNS", observation)
    some = ", ".join(map(str, found[:5]))
    actual = f"{len(found)}{f': {some}' if some else ''}"
    return Finding(expected=f"{number} load balancers of HNS", actual=actual, where=WHERE, met=len(found) == number)


def _balanced(symbol: Symbol, dsr: bool, observation: Observation) -> Finding:
    """Whether HNS has load balancers for an address (several addresses: for any), and all of these use DSR, or none."""
    found = _told(load_balancers_in, "the load balancers of HNS", observation)
    wanted = bound(symbol, observation.bindings)
    its = [one for one in found if any(meets(address, wanted) for address in one.addresses)]
    text = f"load balancers of HNS for {symbol} ({wanted}) {'with' if dsr else 'without'} DSR"
    actual = ", ".join(map(str, its)) if its else f"none of {len(found)}"
    return Finding(expected=text, actual=actual, where=WHERE, met=bool(its) and all(one.dsr is dsr for one in its))


def _external_switch(peer: Peer, observation: Observation) -> Finding:
    """Whether the port with a pod's MAC is one of a switch that a network card is bound to."""
    ports, mac = _told(ports_in, "the ports of the virtual switch", observation), _value(peer.mac, observation)
    own = next((port for port in ports if port.mac == mac), None)
    external = next((port for port in ports if own and port.switch == own.switch and port.external), None)
    text = f"a port for {peer.mac} ({mac}) on a virtual switch that has an external port"
    if own is None:
        actual = f"none of {len(ports)} ports has that MAC"
    else:
        way = f"its external port is {external}" if external else "it has no external port"
        actual = f"{own} is on switch {own.switch}; {way}"
    return Finding(expected=text, actual=actual, where=WHERE, met=external is not None)


def _on_card(symbol: Symbol, observation: Observation) -> Finding:
    card, address = _told(card_in, "the addresses of the network card", observation), _value(symbol, observation)
    text = f"{symbol} ({address}) an address of the network card"
    return Finding(expected=text, actual=f"they are: {card}", where=WHERE, met=card.has(address))


def _card_has(symbol: Symbol, observation: Observation) -> Finding:
    card, least = _told(card_in, "the addresses of the network card", observation), int(_value(symbol, observation))
    text = f"{least} addresses for pods on the network card, or more"
    return Finding(expected=text, actual=f"{card.for_pods}: {card}", where=WHERE, met=card.for_pods >= least)


def _cards(number: int, observation: Observation) -> Finding:
    macs = _told(card_in, "the network cards", observation).macs
    text = f"{number} network card{'' if number == 1 else 's'} of the node"
    return Finding(expected=text, actual=f"{len(macs)}: {', '.join(macs)}", where=WHERE, met=len(macs) == number)
