"""Plays the acts of a run: sends the flows of each, and waits for what changes do in between."""
