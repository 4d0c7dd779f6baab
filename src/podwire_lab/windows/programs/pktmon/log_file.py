"""The log file of a session. It is not ETL: a line, a line of JSON with the components, then records of packets."""

import struct

HEADING = b"podwire emulated pktmon, not an ETL file\n"
RECORD = struct.Struct("=QHII")
"""Nanoseconds since the epoch, number of the component, length on the wire, captured length; the packet follows."""
