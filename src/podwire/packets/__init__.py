"""Captured bytes as packets: capture files, the dissector, DNS, and which packet belongs to which exchange."""
