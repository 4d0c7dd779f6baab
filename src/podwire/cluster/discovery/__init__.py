"""The facts of a cluster, read from its API."""
