"""Streams: flows that go on while the cluster changes."""
