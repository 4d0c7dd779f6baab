"""Faults of an API server, and the rules that they are made of."""

from dataclasses import dataclass

from misbehaving_api import Act, refuse

RUNS = "the run succeeds and leaves nothing"
POD = "the cases of that pod are inconclusive and say why; all others run"
SERVICE = "the cases of that Service are inconclusive and say why; all others run"
NAMES = "the cases that go by the names of pods are inconclusive and say why; all others run"
NO_RUN = "exit code 3 and one line; nothing is left"
NAMED = "exit code 3; podwire names what it may have left, with the command that removes it"
KEPT = "the results are complete; podwire names what it left, with the command that removes it"
INTERRUPTED = "podwire requests the removal, does not wait for its end, and names what it left"


@dataclass(frozen=True)
class ApiFault:
    """`does` is what the server does, `end` the required result, `says` a pattern that the error line must match."""

    name: str
    does: str
    end: str
    rule: object
    says: str = ""


def on(verb, plural, act, *, name=None, numbers=None):
    """A rule for requests with this verb and kind, optionally for one object or some request numbers only."""

    def rule(request):
        fits = (request.verb, request.plural) == (verb, plural) and name in (None, request.name)
        if not fits or (numbers is not None and request.number not in numbers):
            return None
        return act(request) if callable(act) else act

    return rule


def first(count):
    return range(1, count + 1)


def of_others(act):
    """A rule for lists of all pods of a node, those of other namespaces too."""
    return lambda r: act if (r.verb, r.plural) == ("list", "pods") and "fieldSelector" in r.query else None


def changed(**fields):
    """An act that changes fields of the objects of a list, or of the one named `of`; a value may be a function."""
    of = fields.pop("of", None)

    def change(tree):
        for item in tree.get("items", ()):
            if of in (None, item["metadata"]["name"]):
                for field, value in fields.items():
                    item[field] = value(item) if callable(value) else value
        return tree

    return Act(change=change)


def without(name):
    return Act(change=lambda tree: {**tree, "items": [i for i in tree["items"] if i["metadata"]["name"] != name]})


def moved(request):
    """A webhook sends the pod to another node."""
    request.body["spec"]["nodeSelector"]["kubernetes.io/hostname"] = "l2"


def endless(request):
    return Act(obj={"items": [], "metadata": {"continue": f"page-{request.number}"}})


def forgetful(request):
    if "continue" in request.query:
        return refuse(410, "Expired", "The provided continue parameter is too old")
    return Act(change=lambda tree: {**tree, "metadata": {"continue": "next"}})


def forgetful_once(request):
    return forgetful(request) if request.number <= 2 else None


def until_token(wanted):
    """401 until the request has this token."""
    return lambda request: None if request.authorization == f"Bearer {wanted}" else refuse(401, "Unauthorized")


def only_after_deploying(act):
    """Every request after the deletion of the namespace."""
    state = {"going": False}

    def rule(request):
        state["going"] = state["going"] or (request.verb, request.plural) == ("get", "namespaces")
        return act if state["going"] else None

    return rule


def several(*rules):
    def rule(request):
        return next((act for rule in rules if (act := rule(request)) is not None), None)

    return rule


NODES, NS, PODS = ("list", "nodes"), ("create", "namespaces"), ("list", "pods")
