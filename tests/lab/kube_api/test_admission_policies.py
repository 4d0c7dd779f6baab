"""ValidatingAdmissionPolicies of the lab's API: what is matched, how expressions that fail count, what is refused."""

import itertools

import pytest
from lab_accounts import Account

GROUP = "/apis/admissionregistration.k8s.io/v1"
MAPS = "/api/v1/namespaces/default/configmaps"
EVERY_MAP = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["*"], "resources": ["configmaps"]}
NUMBERS = itertools.count()


@pytest.fixture(scope="module")
def admin(shared_api):
    return Account.of(shared_api.kubeconfig)


@pytest.fixture
def bound(admin):
    """`bound(spec)` makes a policy of this spec and binds it, until the test ends."""
    made = []

    def bind(spec, actions=("Deny",), **binding):
        name = f"p{next(NUMBERS)}"
        code, answer = admin.ask("POST", f"{GROUP}/validatingadmissionpolicies", policy(name, spec))
        assert code == 201, answer
        made.append(f"{GROUP}/validatingadmissionpolicies/{name}")
        body = {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingAdmissionPolicyBinding",
            "metadata": {"name": name},
            "spec": {"policyName": name, "validationActions": list(actions), **binding},
        }
        code, answer = admin.ask("POST", f"{GROUP}/validatingadmissionpolicybindings", body)
        assert code == 201, answer
        made.append(f"{GROUP}/validatingadmissionpolicybindings/{name}")
        return name

    yield bind
    for path in reversed(made):
        admin.ask("DELETE", path)


def policy(name, spec):
    kind = {"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicy"}
    return {**kind, "metadata": {"name": name}, "spec": {"matchConstraints": {"resourceRules": [EVERY_MAP]}, **spec}}


def one(expression, **more):
    return {"validations": [{"expression": expression, **more}]}


def a_map(admin, method="POST", name="", labels=None, data=None):
    """Code and answer of a try that changes nothing."""
    meta = {"name": name or "m", "labels": labels or {}}
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": data or {}}
    return admin.ask(method, f"{MAPS}{'/' + name if name else ''}?dryRun=All", None if method == "DELETE" else body)


@pytest.mark.parametrize(
    ("spec", "refused"),
    [
        (one("object.data.size() == 0"), False),
        (one("object.data.size() > 0"), True),
        (one("has(object.data) && object.data.size() > 0"), True),
        ({**one("false"), "matchConditions": [{"name": "c", "expression": "request.operation == 'UPDATE'"}]}, False),
        ({**one("false"), "matchConditions": [{"name": "c", "expression": "request.operation == 'CREATE'"}]}, True),
        ({**one("false"), "matchConditions": [{"name": "c", "expression": "object.none"}]}, True),
        (
            {
                **one("false"),
                "failurePolicy": "Ignore",
                "matchConditions": [{"name": "c", "expression": "object.none"}],
            },
            False,
        ),
        (
            {
                **one("false"),
                "matchConditions": [{"name": "c", "expression": "object.none"}, {"name": "d", "expression": "false"}],
            },
            False,
        ),
        (one("object.none == 1"), True),
        ({**one("object.none == 1"), "failurePolicy": "Ignore"}, False),
        (
            {
                **one("variables.b"),
                "variables": [{"name": "a", "expression": "1"}, {"name": "b", "expression": "variables.a == 1"}],
            },
            False,
        ),
        ({**one("variables.b"), "variables": [{"name": "b", "expression": "object.none"}]}, True),
        ({**one("true"), "variables": [{"name": "b", "expression": "object.none"}]}, False),
        (one("namespaceObject.metadata.name == 'default'"), False),
        (one("request.userInfo.username == 'kubernetes-admin'"), False),
        (one("request.kind.kind == 'ConfigMap' && request.resource.resource == 'configmaps'"), False),
        (one("!has(request.subResource) && request.namespace == 'default' && request.name == 'm'"), False),
        (one("oldObject == null"), False),
    ],
    ids=str,
)
def test_a_validation_that_does_not_hold_refuses(spec, refused, bound, admin):
    bound(spec)
    code, answer = a_map(admin)
    assert (code == 422) is refused, answer


@pytest.mark.parametrize(
    ("constraints", "matched"),
    [
        ({"resourceRules": [{**EVERY_MAP, "operations": ["CREATE"]}]}, True),
        ({"resourceRules": [{**EVERY_MAP, "operations": ["UPDATE", "DELETE"]}]}, False),
        ({"resourceRules": [{**EVERY_MAP, "apiGroups": ["apps"]}]}, False),
        ({"resourceRules": [{**EVERY_MAP, "resources": ["*"]}]}, True),
        ({"resourceRules": [{**EVERY_MAP, "resources": ["*/*"]}]}, True),
        ({"resourceRules": [{**EVERY_MAP, "resources": ["configmaps/status"]}]}, False),
        ({"resourceRules": [{**EVERY_MAP, "scope": "Cluster"}]}, False),
        ({"resourceRules": [{**EVERY_MAP, "resourceNames": ["other"]}]}, False),
        ({"resourceRules": [EVERY_MAP], "excludeResourceRules": [EVERY_MAP]}, False),
        ({"resourceRules": [EVERY_MAP], "objectSelector": {"matchLabels": {"a": "b"}}}, True),
        ({"resourceRules": [EVERY_MAP], "objectSelector": {"matchLabels": {"a": "c"}}}, False),
        (
            {
                "resourceRules": [EVERY_MAP],
                "objectSelector": {"matchExpressions": [{"key": "a", "operator": "NotIn", "values": ["b"]}]},
            },
            False,
        ),
        (
            {
                "resourceRules": [EVERY_MAP],
                "namespaceSelector": {"matchExpressions": [{"key": "x", "operator": "Exists"}]},
            },
            False,
        ),
    ],
    ids=str,
)
def test_a_policy_is_asked_about_what_its_constraints_match(constraints, matched, bound, admin):
    bound({**one("false"), "matchConstraints": constraints})
    code, answer = a_map(admin, labels={"a": "b"})
    assert (code == 422) is matched, answer


def test_a_binding_narrows_what_its_policy_matches(bound, admin):
    bound(one("false"), matchResources={"resourceRules": [{**EVERY_MAP, "operations": ["DELETE"]}]})
    assert a_map(admin)[0] == 201


def test_a_binding_that_does_not_deny_refuses_nothing(bound, admin):
    bound(one("false"), actions=["Audit"])
    assert a_map(admin)[0] == 201


@pytest.mark.parametrize(
    ("validation", "code", "words"),
    [
        ({"expression": "object.data == null"}, 422, "failed expression: object.data == null"),
        ({"expression": "false", "message": "no"}, 422, "no"),
        ({"expression": "false", "message": "no", "messageExpression": "'not ' + request.name"}, 422, "not m"),
        ({"expression": "false", "message": "no", "messageExpression": "object.none"}, 422, "no"),
        ({"expression": "false", "message": "no", "messageExpression": "' '"}, 422, "no"),
        ({"expression": "false", "reason": "Forbidden"}, 403, "failed expression: false"),
        (
            {"expression": "object.none == 1"},
            422,
            "expression 'object.none == 1' resulted in error: NOT_FOUND: Key not found in map : \"none\"",
        ),
    ],
    ids=str,
)
def test_a_refusal_says_which_policy_and_why(validation, code, words, bound, admin):
    name = bound({"validations": [validation]})
    found, answer = a_map(admin, data={"a": "b"})
    text = f"ValidatingAdmissionPolicy '{name}' with binding '{name}' denied request: {words}"
    assert (found, answer["reason"]) == (code, "Forbidden" if code == 403 else "Invalid")
    assert answer["message"] == f'configmaps "m" is forbidden: {text}'
    assert answer["details"]["causes"] == [{"message": text}]


def test_updates_and_deletions_see_the_object_as_it_was(bound, admin):
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "kept"}, "data": {"a": "1"}}
    assert admin.ask("POST", MAPS, body)[0] == 201
    bound(one("request.operation == 'CREATE' || oldObject.data.a != '1'"))
    assert a_map(admin, "PUT", "kept", data={"a": "2"})[0] == 422
    assert a_map(admin, "DELETE", "kept")[0] == 422
    assert admin.ask("DELETE", MAPS)[0] == 422
    assert a_map(admin)[0] == 201


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (one("object.data.size( == 0"), "spec.validations[0].expression: Invalid value"),
        (one("1 + 1"), "must evaluate to bool, and gives int"),
        (one("1 + 'a'"), "no matching overload"),
        (one("unknown.field"), "undeclared reference to 'unknown.field'"),
        (one("true", messageExpression="1"), "spec.validations[0].messageExpression: Invalid value"),
        ({**one("true"), "variables": [{"name": "a", "expression": "("}]}, "spec.variables[0].expression"),
        ({}, "spec.validations: Required value"),
        ({**one("true"), "matchConstraints": {}}, "spec.matchConstraints.resourceRules: Required value"),
        ({**one("true"), "paramKind": {"kind": "ConfigMap"}}, "spec.paramKind: Forbidden"),
    ],
    ids=str,
)
def test_a_policy_with_a_mistake_is_not_taken(spec, words, admin):
    code, answer = admin.ask("POST", f"{GROUP}/validatingadmissionpolicies", policy("wrong", spec))
    assert code == 422, answer
    assert words in answer["message"]


def test_a_policy_about_policies_cannot_lock_its_administrator_out(bound, admin):
    everything = {"apiGroups": ["*"], "apiVersions": ["*"], "operations": ["*"], "resources": ["*/*"]}
    name = bound({**one("false"), "matchConstraints": {"resourceRules": [everything]}})
    assert a_map(admin)[0] == 422
    assert admin.ask("DELETE", f"{GROUP}/validatingadmissionpolicybindings/{name}")[0] == 200
    assert a_map(admin)[0] == 201


def test_a_service_account_may_what_its_roles_say_and_no_more(admin):
    admin.apply("rbac.yaml")
    runner = admin.runner()
    assert runner.ask("GET", "/api/v1/nodes")[0] == 200
    code, answer = runner.ask("DELETE", "/api/v1/nodes/n1")
    assert (code, answer["message"]) == (
        403,
        'nodes "n1" is forbidden: User "system:serviceaccount:podwire:runner" cannot delete resource "nodes" in API '
        'group "" at the cluster scope',
    )
    other = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "other"}}
    assert admin.ask("POST", "/api/v1/namespaces/default/serviceaccounts", other)[0] == 201
    account = admin.runner("/api/v1/namespaces/default/serviceaccounts/other")
    assert account.ask("GET", "/api/v1/nodes")[0] == 403
