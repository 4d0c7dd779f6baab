"""Streams: flows that go on for minutes or days, and their numbers."""
