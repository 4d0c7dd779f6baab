"""The lab's Kubernetes API server: enough of it for the suite, the `kubernetes` client and `kubectl`.

Held against recordings of a Kubernetes 1.36 API server (`tests/lab/kube_api/recordings`).
"""
