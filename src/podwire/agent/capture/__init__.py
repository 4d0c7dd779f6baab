"""Captures: AF_PACKET on Linux, pktmon on Windows."""
