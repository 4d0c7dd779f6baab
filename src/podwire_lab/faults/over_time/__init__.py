"""Faults that show over time: when endpoints change, in HNS between two listings, in what kube-proxy remembers."""
