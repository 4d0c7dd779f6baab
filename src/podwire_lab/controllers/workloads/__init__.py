"""Deployments, ReplicaSets, DaemonSets, StatefulSets and Jobs make pods (kubernetes.io: "Workload Management")."""
