"""manifests/admission.yaml: what podwire's service account may not do, with all rights that a role can give."""

import pytest
from lab_accounts import Account, run_namespace

ADMIN_ROLE = {
    "apiVersion": "rbac.authorization.k8s.io/v1",
    "kind": "ClusterRoleBinding",
    "metadata": {"name": "too-much"},
    "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "everything"},
    "subjects": [{"kind": "ServiceAccount", "name": "runner", "namespace": "podwire"}],
}
EVERYTHING = {
    "apiVersion": "rbac.authorization.k8s.io/v1",
    "kind": "ClusterRole",
    "metadata": {"name": "everything"},
    "rules": [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}],
}
RUN = {"app.kubernetes.io/managed-by": "podwire", "podwire.dev/run": "r1"}
OWN, SYSTEM, OPEN = "podwire-r1", "kube-system", "team-a"
DENIED = (
    "ValidatingAdmissionPolicy 'podwire-runner' with binding 'podwire-runner' denied request: podwire's runner may not"
)
_PLURALS = {"Namespace": "namespaces", "Pod": "pods", "Service": "services", "ConfigMap": "configmaps"}


def a(kind, name, labels=None, **fields):
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "labels": labels or {}}, **fields}


def a_pod(name="p", labels=RUN, *, container=None, **spec):
    probe = {"name": "probe", "image": "python:3.12-slim", "command": ["sleep", "60"], **(container or {})}
    usual = {"automountServiceAccountToken": False, "containers": [probe], "nodeSelector": {"none": "such"}}
    return a("Pod", name, labels, spec={**usual, **spec})


def at(namespace, plural, name=""):
    return f"/api/v1/namespaces/{namespace}/{plural}" + (f"/{name}" if name else "")


@pytest.fixture(scope="module")
def accounts(shared_api):
    """The administrator and the runner, who may do everything by its roles, and is held by the policy."""
    admin = Account.of(shared_api.kubeconfig)
    admin.apply("rbac.yaml", "admission.yaml")
    for plural, obj in (("clusterroles", EVERYTHING), ("clusterrolebindings", ADMIN_ROLE)):
        code, answer = admin.ask("POST", f"/apis/rbac.authorization.k8s.io/v1/{plural}", obj)
        assert code == 201, answer
    for namespace, labels in ((OPEN, {"podwire.dev/open-to-runs": "true"}), ("podwire-other", {})):
        assert admin.ask("POST", "/api/v1/namespaces", a("Namespace", namespace, labels))[0] == 201
    with run_namespace(admin, "r1"):
        for namespace in (SYSTEM, OPEN, OWN):
            assert admin.ask("POST", at(namespace, "pods"), a_pod("theirs", {}))[0] == 201
            assert admin.ask("POST", at(namespace, "configmaps"), a("ConfigMap", "theirs"))[0] == 201
        yield admin, admin.runner()


@pytest.fixture(scope="module")
def runner(accounts):
    return accounts[1]


ALLOWED = {
    "the namespace of a run": (
        "POST",
        "/api/v1/namespaces",
        a("Namespace", "podwire-r2", {**RUN, "podwire.dev/run": "r2"}),
    ),
    "its end": ("DELETE", "/api/v1/namespaces/podwire-r2", None),
    "a namespace of a run for pods that policies select by it": (
        "POST",
        "/api/v1/namespaces",
        a("Namespace", "podwire-r2-blue", {**RUN, "podwire.dev/run": "r2"}),
    ),
    "the end of that": ("DELETE", "/api/v1/namespaces/podwire-r2-blue", None),
    "a pod in it": ("POST", at(OWN, "pods"), a_pod()),
    "a pod with the rights of a probe": (
        "POST",
        at(OWN, "pods"),
        a_pod(
            "q",
            hostNetwork=True,
            container={"securityContext": {"capabilities": {"drop": ["ALL"], "add": ["NET_RAW"]}}},
        ),
    ),
    "a Service in a namespace that is open": (
        "POST",
        at(OPEN, "services"),
        a("Service", "s", RUN, spec={"ports": [{"port": 80}]}),
    ),
    "the end of that Service": ("DELETE", at(OPEN, "services", "s"), None),
    "the end of all that is labelled": ("DELETE", at(OPEN, "pods") + "?labelSelector=podwire.dev/run=r1", None),
    "a look at its own rights": (
        "POST",
        "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews",
        {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectRulesReview", "spec": {"namespace": "x"}},
    ),
    "a look at pods anywhere": ("GET", at(SYSTEM, "pods"), None),
}


def test_what_a_run_does_is_allowed(runner):
    answers = {what: runner.ask(*request) for what, request in ALLOWED.items()}
    assert {what: answer for what, answer in answers.items() if answer[0] not in (200, 201)} == {}


NO_RUN, NOT_OPEN = "it is no namespace of a run", "it is no namespace of a run, and not open to runs"
UNLABELLED, SPEC, RIGHTS = (
    "it has no label podwire.dev/run",
    "its spec is none of a probe",
    "a container has more rights",
)
REFUSED = {
    "another namespace's end": (
        "DELETE",
        "/api/v1/namespaces/kube-system",
        None,
        f"DELETE namespaces kube-system: {NO_RUN}",
    ),
    "an end by the name alone": (
        "DELETE",
        "/api/v1/namespaces/podwire-other",
        None,
        f"DELETE namespaces podwire-other: {NO_RUN}",
    ),
    "an open namespace's end": ("DELETE", f"/api/v1/namespaces/{OPEN}", None, f"DELETE namespaces {OPEN}: {NO_RUN}"),
    "a namespace with another name": (
        "POST",
        "/api/v1/namespaces",
        a("Namespace", "podwire-r3", RUN),
        f"CREATE namespaces podwire-r3: {NO_RUN}",
    ),
    "a namespace without labels": (
        "POST",
        "/api/v1/namespaces",
        a("Namespace", "podwire-r3"),
        f"CREATE namespaces podwire-r3: {NO_RUN}",
    ),
    "a label for a namespace": (
        "PATCH",
        "/api/v1/namespaces/kube-system",
        {"metadata": {"labels": {"podwire.dev/open-to-runs": "true"}}},
        "UPDATE namespaces kube-system",
    ),
    "a pod in kube-system": (
        "POST",
        at(SYSTEM, "pods"),
        a_pod(),
        f"CREATE pods p in namespace kube-system: {NOT_OPEN}",
    ),
    "a pod's end in kube-system": (
        "DELETE",
        at(SYSTEM, "pods", "theirs"),
        None,
        f"DELETE pods theirs in namespace kube-system: {NOT_OPEN}",
    ),
    "the end of all pods in kube-system": (
        "DELETE",
        at(SYSTEM, "pods"),
        None,
        f"DELETE pods theirs in namespace kube-system: {NOT_OPEN}",
    ),
    "a pod in a namespace of nobody": (
        "POST",
        at("podwire-other", "pods"),
        a_pod(),
        f"CREATE pods p in namespace podwire-other: {NOT_OPEN}",
    ),
    "exec in kube-system": (
        "POST",
        at(SYSTEM, "pods", "theirs/exec?command=id"),
        None,
        f"CONNECT pods/exec theirs in namespace kube-system: {NOT_OPEN}",
    ),
    "port-forward": (
        "POST",
        at(OWN, "pods", "theirs/portforward?ports=80"),
        None,
        f"CONNECT pods/portforward theirs in namespace {OWN}: a run needs none",
    ),
    "an eviction": (
        "POST",
        at(OWN, "pods", "theirs/eviction"),
        {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "theirs", "namespace": OWN}},
        f"CREATE pods/eviction theirs in namespace {OWN}: a run needs none",
    ),
    "a node's end": ("DELETE", "/api/v1/nodes/n1", None, "DELETE nodes n1: it belongs to no namespace"),
    "a node's cordon": (
        "PATCH",
        "/api/v1/nodes/n1",
        {"spec": {"unschedulable": True}},
        "UPDATE nodes n1: it belongs to no namespace",
    ),
    "more rights": (
        "POST",
        "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
        {**ADMIN_ROLE, "metadata": {"name": "again"}},
        "CREATE clusterrolebindings again: it belongs to no namespace",
    ),
    "a Secret in its own namespace": (
        "POST",
        at(OWN, "secrets"),
        a("Secret", "s", RUN),
        f"CREATE secrets s in namespace {OWN}: a run needs none",
    ),
    "an account of its own": (
        "POST",
        at(SYSTEM, "serviceaccounts"),
        a("ServiceAccount", "x", RUN),
        f"CREATE serviceaccounts x in namespace kube-system: {NOT_OPEN}",
    ),
    "a pod of others in an open namespace": (
        "DELETE",
        at(OPEN, "pods", "theirs"),
        None,
        f"DELETE pods theirs in namespace {OPEN}: {UNLABELLED}",
    ),
    "others' labels in an open namespace": (
        "PATCH",
        at(OPEN, "configmaps", "theirs"),
        {"metadata": {"labels": RUN}},
        f"UPDATE configmaps theirs in namespace {OPEN}: {UNLABELLED}",
    ),
    "a pod without a label": (
        "POST",
        at(OWN, "pods"),
        a_pod("x", {}),
        f"CREATE pods x in namespace {OWN}: {UNLABELLED}",
    ),
    "the host's processes": (
        "POST",
        at(OWN, "pods"),
        a_pod("x", hostPID=True),
        f"CREATE pods x in namespace {OWN}: {SPEC}",
    ),
    "the host's files": (
        "POST",
        at(OWN, "pods"),
        a_pod("x", volumes=[{"name": "v", "hostPath": {"path": "/"}}]),
        f"CREATE pods x in namespace {OWN}: {SPEC}",
    ),
    "an account's token": (
        "POST",
        at(OWN, "pods"),
        a_pod("x", automountServiceAccountToken=True),
        f"CREATE pods x in namespace {OWN}: {SPEC}",
    ),
    "a privileged container": (
        "POST",
        at(OWN, "pods"),
        a_pod("x", container={"securityContext": {"privileged": True}}),
        f"CREATE pods x in namespace {OWN}: {RIGHTS}",
    ),
    "a strong capability": (
        "POST",
        at(OWN, "pods"),
        a_pod("x", container={"securityContext": {"capabilities": {"add": ["SYS_ADMIN"]}}}),
        f"CREATE pods x in namespace {OWN}: {RIGHTS}",
    ),
}


@pytest.mark.parametrize("attempt", REFUSED)
def test_what_a_run_never_does_is_refused_in_words(attempt, runner):
    method, path, body, words = REFUSED[attempt]
    code, answer = runner.ask(
        method, path, body, "application/merge-patch+json" if method == "PATCH" else "application/json"
    )
    assert (code, answer.get("reason")) == (403, "Forbidden"), answer
    assert f"{DENIED} {words}" in answer["message"]
    assert " is forbidden: " in answer["message"]
    assert answer["details"]["causes"] == [{"message": answer["message"].partition(" is forbidden: ")[2]}]


@pytest.mark.parametrize(
    "attempt", ["a node's cordon", "a pod in kube-system", "the host's files", "a Secret in its own namespace"]
)
def test_others_are_not_held_by_it(attempt, accounts):
    method, path, body, _ = REFUSED[attempt]
    kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
    code, answer = accounts[0].ask(method, path + "?dryRun=All", body, kind)
    assert code in (200, 201), answer
