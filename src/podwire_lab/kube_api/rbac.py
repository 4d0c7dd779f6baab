"""What a service account may do: the roles that are bound to it (kubernetes.io: Using RBAC Authorization).

The lab's own token may do everything, whatever roles there are.
"""

from __future__ import annotations

from collections.abc import Iterator

from podwire_lab.kube_api.auth import Policy, Rule
from podwire_lab.kube_api.objects.store import MemoryStore
from podwire_lab.model.interfaces import Object


def rights_of(store: MemoryStore, namespace: str, account: str) -> Policy:
    """The rights of a service account at this moment."""
    user = f"system:serviceaccount:{namespace}:{account}"
    groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated")
    rules: list[Rule] = []
    for plural in ("clusterrolebindings", "rolebindings"):
        for binding in store.view(plural):
            if any(_is(subject, namespace, account, user, groups) for subject in binding.get("subjects") or []):
                rules += _rules(store, binding, binding["metadata"].get("namespace"))
    return Policy(user=user, rules=tuple(rules), groups=groups)


def _is(subject: Object, namespace: str, account: str, user: str, groups: tuple[str, ...]) -> bool:
    match subject.get("kind"):
        case "ServiceAccount":
            return (subject.get("namespace"), subject.get("name")) == (namespace, account)
        case "User":
            return subject.get("name") == user
        case _:
            return subject.get("name") in groups


def _rules(store: MemoryStore, binding: Object, namespace: str | None) -> Iterator[Rule]:
    """A binding of a namespace gives the rights of its role there only."""
    reference = binding.get("roleRef") or {}
    is_role = reference.get("kind") == "Role"
    role = store.get("roles" if is_role else "clusterroles", namespace if is_role else None, reference.get("name", ""))
    for rule in (role or {}).get("rules") or []:
        yield Rule(
            verbs=tuple(rule.get("verbs") or ()),
            groups=tuple(rule.get("apiGroups") or ()),
            resources=tuple(rule.get("resources") or ()),
            names=tuple(rule.get("resourceNames") or ()),
            namespaces=(namespace,) if namespace else None,
        )
