"""Faults of network policies: each breaks one rule of what policies mean."""
