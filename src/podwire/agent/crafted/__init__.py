"""Packets that the runner made: sent as they are, without a socket of their protocol."""
