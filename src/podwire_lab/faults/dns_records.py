"""Faults of what the cluster's DNS says beside addresses: SRV and PTR records, negative answers, spelling and form."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from podwire_lab.dns.records import Record
from podwire_lab.dns.server import Damage
from podwire_lab.faults.dns import damaged, elsewhere
from podwire_lab.faults.fault import DNS_PORT, Injection, chain, fault

UNKNOWN = Damage(kind="rcode", rcode="NXDOMAIN")
OF_A_SERVICE, OF_PODS = "._udp.by-record.", ".by-headless-record."
Change = Callable[[Sequence[Record]], Sequence[Record]]


def changed(do: Injection, kind: str, change: Change, part: str = "") -> None:
    """Let the DNS server say other records to questions of this type for names with this part."""
    damage = Damage(kind="records", records=change)
    damaged(do, lambda name, question_type, client: damage if question_type == kind and part in name else None)


def rewritten(old: str, new: str) -> Change:
    """Another text in the data of each record."""
    return lambda records: [(owner, kind, data.replace(old, new)) for owner, kind, data in records]


@fault("dns-srv-unknown", kills=("DNS-SRV", "DNS-SRV-HEADLESS"))
def srv_unknown(do: Injection) -> None:
    """The cluster's DNS knows no SRV records; names and addresses are as ever."""
    damaged(do, lambda name, kind, client: UNKNOWN if kind == "SRV" else None)


@fault("dns-srv-other-port", kills=("DNS-SRV",))
def srv_other_port(do: Injection) -> None:
    """The SRV record of a Service's second port has the number of its first."""
    changed(do, "SRV", rewritten(" 81 ", " 80 "), OF_A_SERVICE)


@fault("dns-srv-other-target", kills=("DNS-SRV",))
def srv_other_target(do: Injection) -> None:
    """The SRV records of a Service lead to another Service."""
    changed(do, "SRV", rewritten(" by-record.", " by-short-name."), OF_A_SERVICE)


@fault("dns-srv-pod-missing", kills=("DNS-SRV-HEADLESS",))
def srv_pod_missing(do: Injection) -> None:
    """The SRV records of a headless Service leave out one of its pods."""
    changed(do, "SRV", lambda records: records[1:], OF_PODS)


@fault("dns-srv-pod-stale", kills=("DNS-SRV-HEADLESS",))
def srv_pod_stale(do: Injection) -> None:
    """A name that an SRV record of a headless Service leads to has an address that no pod has any more."""

    def damage(name: str, kind: str, client: str) -> Damage | None:
        below = kind != "SRV" and OF_PODS in name and not name.startswith("_")
        return elsewhere(kind) if below else None

    damaged(do, damage)


@fault("dns-ptr-unknown", kills=("DNS-PTR", "DNS-PTR-POD"))
def ptr_unknown(do: Injection) -> None:
    """The cluster's DNS is not responsible for addresses: its zones lack in-addr.arpa and ip6.arpa."""
    damaged(do, lambda name, kind, client: UNKNOWN if kind == "PTR" else None)


@fault("dns-ptr-other-service", kills=("DNS-PTR",))
def ptr_other_service(do: Injection) -> None:
    """The address of a Service leads back to the name of another Service."""
    changed(do, "PTR", rewritten("by-record.", "by-short-name."))


@fault("dns-ptr-twice", kills=("DNS-PTR",))
def ptr_twice(do: Injection) -> None:
    """The address of a Service leads back to the name of a Service that is gone, too."""

    def with_former(records: Sequence[Record]) -> Sequence[Record]:
        return [*records, *rewritten("by-record.", "by-former-record.")(records)]

    changed(do, "PTR", with_former)


@fault("dns-ptr-host-name-lost", kills=("DNS-PTR-POD",))
def ptr_host_name_lost(do: Injection) -> None:
    """The address of a pod leads back to names made of the address only, not to the pod's host name."""
    changed(do, "PTR", lambda records: [record for record in records if ".pods." not in record[2]])


@fault("dns-missing-family-unknown", kills=("DNS-NODATA",))
def missing_family_unknown(do: Injection) -> None:
    """Asked for a family that a Service lacks, the cluster's DNS says that there is no such name."""
    lacks = {("by-ipv4-name", "AAAA"), ("by-ipv6-name", "A")}
    damaged(do, lambda name, kind, client: UNKNOWN if (name.partition(".")[0], kind) in lacks else None)


@fault("dns-nobody-exists", kills=("DNS-NODATA",))
def nobody_exists(do: Injection) -> None:
    """Asked for a name that nobody has, the cluster's DNS says that it has no address, as if it existed."""
    empty = Damage(kind="rcode", rcode="NOERROR")
    damaged(do, lambda name, kind, client: empty if name.startswith("nobody-") else None)


@fault("dns-capitals-unknown", kills=("DNS-CAPITALS",))
def capitals_unknown(do: Injection) -> None:
    """The cluster's DNS compares names letter by letter: with capitals there is no such name."""
    damaged(do, lambda name, kind, client: Damage(kind="capitals-unknown"))


@fault("dns-capitals-lost", kills=("DNS-CAPITALS",))
def capitals_lost(do: Injection) -> None:
    """The cluster's DNS repeats each question in lower case; who checks the spelling takes the answer for a forgery."""
    damaged(do, lambda name, kind, client: Damage(kind="lower-case"))


@fault("dns-edns-ignored", kills=("DNS-EDNS",))
def edns_ignored(do: Injection) -> None:
    """The cluster's DNS answers without an OPT record, as servers before EDNS did."""
    damaged(do, lambda name, kind, client: Damage(kind="no-edns"))


@fault("dns-edns-refused", kills=("DNS-EDNS",))
def edns_refused(do: Injection) -> None:
    """The cluster's DNS refuses a question with an OPT record as malformed."""
    malformed = Damage(kind="rcode", rcode="FORMERR")
    damaged(do, lambda name, kind, client: malformed if name.startswith("by-edns.") else None)


@fault("dns-second-question-lost", kills=("DNS-BOTH-FAMILIES",))
def second_question_lost(do: Injection) -> None:
    """Of the DNS questions that pods send from one socket, only the first of a minute leaves the node."""
    keys = {"ip": "ipv4_addr", "ip6": "ipv6_addr"}
    for node in do.nodes():
        sets = "".join(
            f"  set of-{family} {{\n    type {kind} . inet_service;\n    flags dynamic;\n    size 65535;\n  }}\n"
            for family, kind in keys.items()
        )
        rules = [
            f"udp dport {DNS_PORT} update @of-{family} {{ {family} saddr . udp sport "
            f"limit rate over 1/minute burst 1 packets }} drop"
            for family in keys
        ]
        do.rules(node.host, "inet", sets + chain("forward", 0, *rules))


@fault("dns-unready-unpublished", kills=("DNS-NOT-READY",))
def unready_unpublished(do: Injection) -> None:
    """A Service that publishes its pods before they are ready resolves to none of them."""
    damaged(do, lambda name, kind, client: UNKNOWN if name.startswith("not-ready-published") else None)


@fault("dns-unready-listed", kills=("DNS-NOT-READY",))
def unready_listed(do: Injection) -> None:
    """A headless Service resolves to an address although its only pod is not ready."""
    damaged(do, lambda name, kind, client: elsewhere(kind) if name.startswith("not-ready-hidden") else None)


@fault("dns-digits-unknown", kills=("DNS-DIGITS",))
def digits_unknown(do: Injection) -> None:
    """The cluster's DNS knows no Service whose name begins with a digit."""
    digits = ("1-by-name.", "5353.")
    damaged(do, lambda name, kind, client: UNKNOWN if name.startswith(digits) else None)
