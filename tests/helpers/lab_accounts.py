"""The service account of manifests/rbac.yaml in a lab: its objects applied, its token, its kubeconfig."""

import contextlib
import json
import urllib.error
import urllib.request

import yaml

from podwire.content import manifests_folder

RUNNER = "/api/v1/namespaces/podwire/serviceaccounts/runner"
_PATHS = {
    "Namespace": "/api/v1/namespaces",
    "ServiceAccount": "/api/v1/namespaces/{namespace}/serviceaccounts",
    "ClusterRole": "/apis/rbac.authorization.k8s.io/v1/clusterroles",
    "ClusterRoleBinding": "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
    "Role": "/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}/roles",
    "RoleBinding": "/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}/rolebindings",
    "ValidatingAdmissionPolicy": "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies",
    "ValidatingAdmissionPolicyBinding": "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings",
}


class Account:
    """A client of an API server, with a token: `ask` gives code and answer, whatever the code is."""

    def __init__(self, server, token):
        self.server, self.token = server, token

    @classmethod
    def of(cls, kubeconfig):
        tree = yaml.safe_load(kubeconfig.read_text())
        server = tree["clusters"][0]["cluster"]["server"]
        return cls(server.partition("/token/")[0], tree["users"][0]["user"]["token"])

    def ask(self, method, path, body=None, kind="application/json"):
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": kind}
        request = urllib.request.Request(self.server + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as problem:
            return problem.code, json.loads(problem.read())

    def apply(self, *files):
        """Create what these files of manifests/ hold; what exists stays."""
        for file in files:
            for obj in yaml.safe_load_all((manifests_folder() / file).read_text()):
                namespace = obj["metadata"].get("namespace", "")
                code, answer = self.ask("POST", _PATHS[obj["kind"]].format(namespace=namespace), obj)
                assert code in (201, 409), answer

    def runner(self, account=RUNNER):
        """The runner's own client, with a token as `kubectl create token` asks for it."""
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
        code, answer = self.ask("POST", f"{account}/token", body)
        assert code == 201, answer
        return Account(self.server, answer["status"]["token"])

    def kubeconfig(self, path):
        """A kubeconfig of this account, with a context `runner`."""
        tree = {
            "current-context": "runner",
            "contexts": [{"name": "runner", "context": {"cluster": "lab", "user": "runner"}}],
            "clusters": [{"name": "lab", "cluster": {"server": self.server}}],
            "users": [{"name": "runner", "user": {"token": self.token}}],
        }
        path.write_text(yaml.safe_dump(tree))
        return path


@contextlib.contextmanager
def run_namespace(admin, run):
    """A namespace as a run makes it, made by the administrator."""
    labels = {"app.kubernetes.io/managed-by": "podwire", "podwire.dev/run": run}
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": f"podwire-{run}", "labels": labels}}
    code, answer = admin.ask("POST", "/api/v1/namespaces", body)
    assert code == 201, answer
    try:
        yield f"podwire-{run}"
    finally:
        admin.ask("DELETE", f"/api/v1/namespaces/podwire-{run}")
