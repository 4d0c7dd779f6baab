"""Who asks, and what it may do: bearer tokens, each with a policy."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from podwire_lab.kube_api.objects.status import Forbidden, Unauthorized, forbidden
from podwire_lab.kube_api.requests import Target
from podwire_lab.model.interfaces import Object

PREFIX: Final = "/token/"
"""kubectl sends no token over plain HTTP, but it keeps the path of the server's address: `/token/<token>` in front of
every path counts as the header does."""

_REVIEWS: Final = frozenset({"authentication.k8s.io", "authorization.k8s.io"})


@dataclass(frozen=True, kw_only=True)
class Rule:
    """What is allowed, as a PolicyRule of RBAC says it; `*` is everything.

    `namespaces`: where; None is everywhere, the cluster's own scope included.
    """

    verbs: tuple[str, ...] = ("*",)
    groups: tuple[str, ...] = ("",)
    resources: tuple[str, ...] = ("*",)
    names: tuple[str, ...] = ()
    namespaces: tuple[str, ...] | None = None

    def allows(self, verb: str, group: str, resource: str, namespace: str | None, name: str | None) -> bool:
        """`resource` with its subresource, e.g. `pods/exec`."""
        return (
            _matches(self.verbs, verb)
            and _matches(self.groups, group)
            and _matches(self.resources, resource)
            and (not self.names or name in self.names)
            and (self.namespaces is None or (namespace or None) in self.namespaces)
        )


def _matches(patterns: Sequence[str], value: str) -> bool:
    return "*" in patterns or value in patterns


@dataclass(frozen=True, kw_only=True)
class Policy:
    """A user and its rules; no rule, no right."""

    user: str
    rules: tuple[Rule, ...] = ()
    groups: tuple[str, ...] = ("system:authenticated",)

    def allows(
        self, verb: str, group: str, resource: str, *, namespace: str | None = None, name: str | None = None
    ) -> bool:
        """Everybody who is known may ask what it may (`system:basic-user`)."""
        if group in _REVIEWS and resource.startswith("selfsubject") and verb == "create":
            return True
        return any(rule.allows(verb, group, resource, namespace, name) for rule in self.rules)

    def check(self, target: Target, verb: str) -> None:
        """Raise `Forbidden` as the server words it."""
        full = f"{target.resource.plural}/{target.subresource}" if target.subresource else target.resource.plural
        if self.allows(verb, target.resource.group, full, namespace=target.namespace, name=target.name):
            return
        raise self._refused(target, verb, full)

    def _refused(self, target: Target, verb: str, full: str) -> Forbidden:
        where = f'in the namespace "{target.namespace}"' if target.namespace else "at the cluster scope"
        why = f'User "{self.user}" cannot {verb} resource "{full}" in API group "{target.resource.group}" {where}'
        return forbidden(target.resource, target.name, why)


ADMIN: Final = Policy(
    user="kubernetes-admin",
    rules=(Rule(groups=("*",)),),
    groups=("system:masters", "system:authenticated"),
)


class Authenticator:
    """The known tokens. Health and version are open to everybody, as on a stock cluster."""

    _OPEN: Final = frozenset({"/version", "/version/", "/healthz", "/livez", "/readyz"})

    def __init__(self, token: str, tokens: Mapping[str, Policy], rights: Callable[[str, str], Policy]) -> None:
        """`rights` gives those of a service account by its namespace and name."""
        if not token:
            raise ValueError("the token is empty")
        self._policies: dict[str, Policy] = {token: ADMIN, **tokens}
        self._accounts: dict[str, tuple[str, str]] = {}
        self._rights = rights

    def issue(self, namespace: str, account: str) -> str:
        """A new token of a service account, for as long as the server runs."""
        token = secrets.token_urlsafe(32)
        self._accounts[token] = (namespace, account)
        return token

    def split(self, request: web.Request) -> tuple[Policy | None, str]:
        """The policy of the request, and its path without the token. Raises `Unauthorized`.

        The policy is None for a path that is open to everybody.
        """
        path = request.path
        token = ""
        if path.startswith(PREFIX):
            token, _, rest = path[len(PREFIX) :].partition("/")
            path = "/" + rest
        else:
            scheme, _, credential = request.headers.get("Authorization", "").partition(" ")
            if scheme.lower() == "bearer":
                token = credential.strip()
        policy = self._policy(token)
        if policy is None and (token or path not in self._OPEN):
            raise Unauthorized
        return policy, path

    def _policy(self, token: str) -> Policy | None:
        token_bytes = token.encode()
        policies = [
            policy for known, policy in self._policies.items() if secrets.compare_digest(known.encode(), token_bytes)
        ]
        if policies:
            return policies[0]
        accounts = [
            account for known, account in self._accounts.items() if secrets.compare_digest(known.encode(), token_bytes)
        ]
        return self._rights(*accounts[0]) if accounts else None


def rules_review(policy: Policy) -> Object:
    """The status of a SelfSubjectRulesReview."""
    rules: list[Object] = []
    for rule in policy.rules:
        written: Object = {
            "verbs": list(rule.verbs),
            "apiGroups": list(rule.groups),
            "resources": list(rule.resources),
        }
        if rule.names:
            written["resourceNames"] = list(rule.names)
        rules.append(written)
    rules.append(
        {
            "verbs": ["create"],
            "apiGroups": ["authorization.k8s.io"],
            "resources": ["selfsubjectaccessreviews", "selfsubjectrulesreviews"],
        }
    )
    rules.append(
        {
            "verbs": ["create"],
            "apiGroups": ["authentication.k8s.io"],
            "resources": ["selfsubjectreviews"],
        }
    )
    urls = [
        "/api",
        "/api/*",
        "/apis",
        "/apis/*",
        "/healthz",
        "/livez",
        "/openapi",
        "/openapi/*",
        "/readyz",
        "/version",
        "/version/",
    ]
    everything: list[Object] = [{"verbs": ["*"], "nonResourceURLs": ["*"]}] if policy is ADMIN else []
    return {
        "resourceRules": rules,
        "nonResourceRules": [*everything, {"verbs": ["get"], "nonResourceURLs": urls}],
        "incomplete": False,
    }
