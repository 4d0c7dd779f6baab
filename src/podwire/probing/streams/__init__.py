"""Streams of a run: started before its flows, stopped after them, and read from the captures."""
