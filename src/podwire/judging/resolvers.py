"""What a system's resolver does with what DNS servers say: it asks again, and goes on after a no."""

from __future__ import annotations

from podwire.model.observations import Attempt, Lookup, Observation

NEGATIVE = ("NXDOMAIN", "NOERROR")
"""How a server says that there is no such name, or none with an address of that family."""
WORDS = {
    "FORMERR": "the server does not understand the question",
    "SERVFAIL": "the server failed",
    "NXDOMAIN": "no such name",
    "NOTIMP": "the server has no answer to questions of this kind",
    "REFUSED": "the server refuses to answer",
}
"""Response codes in words (RFC 1035 section 4.1.1)."""
TRY_AGAIN = (-3, 11002)
"""How a resolver itself says that no answer came in time, which it also says of a server that failed: EAI_AGAIN of
getaddrinfo(3), WSATRY_AGAIN of Winsock (Microsoft: Windows Sockets error codes)."""


def gave_up(attempt: Attempt) -> bool:
    """Whether the look-up ended because nobody answered the resolver in time: it said so, or it said nothing."""
    error = attempt.error
    return error is not None and (error.kind == "timeout" or (error.stage == "resolve" and error.number in TRY_AGAIN))


def is_no(lookup: Lookup) -> bool:
    """Whether the answer is that there is nothing of that name and type."""
    return lookup.rcode in NEGATIVE and not lookup.answers


def heard(lookups: tuple[Lookup, ...]) -> tuple[Lookup, ...]:
    """The questions without those that were lost and asked again: every resolver asks a second time before it gives up
    (resolv.conf(5), attempts; Microsoft: DNS client resolution timeouts), so one lost datagram costs time alone."""
    answered = {(lookup.name, lookup.type): lookup.at for lookup in lookups if lookup.rcode is not None}
    return tuple(
        lookup
        for lookup in lookups
        if lookup.rcode is not None or answered.get((lookup.name, lookup.type), lookup.at) <= lookup.at
    )


def failed_upstream(observation: Observation) -> Lookup | None:
    """The question for a name that is not the cluster's, as the client spells it, which ended in SERVFAIL after a no to
    all others: the cluster's DNS can ask nobody about such names, as in a cluster without a way to the outside."""
    name, full = (_plain(observation.bindings.get(f"target.{part}", "")) for part in ("name", "fqdn"))
    if not name or not full or name == full:
        return None
    lookups = heard(observation.lookups)
    last = [lookup for lookup in lookups if lookup.name == name]
    before = [lookup for lookup in lookups if lookup.name != name]
    if not last or any(lookup.rcode != "SERVFAIL" for lookup in last):
        return None
    in_order = all(is_no(lookup) and lookup.at <= last[0].at for lookup in before)
    return last[-1] if in_order else None


def in_words(attempt: Attempt, lookups: tuple[Lookup, ...]) -> str:
    """How a look-up without an address ended. What a resolver has no word of its own for is told by the response code
    that it got."""
    if attempt.error is None:
        return "nothing"
    codes = dict.fromkeys(
        lookup.rcode for lookup in heard(lookups) if lookup.rcode in WORDS and lookup.rcode not in NEGATIVE
    )
    if attempt.error.stage != "resolve" or attempt.error.kind != "other" or not codes:
        return f"{attempt.error.kind} at {attempt.error.stage}"
    return ", ".join(f"{code} ({WORDS[code]})" for code in codes if code) + " at resolve"


def _plain(name: object) -> str:
    return str(name).lower().rstrip(".")
