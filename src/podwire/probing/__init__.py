"""Drives the probes: sends all flows at once, captures their packets, runs controls, and returns observations."""
