"""Driving the probes: all flows in flight, captures running, controls around them; out come observations."""
