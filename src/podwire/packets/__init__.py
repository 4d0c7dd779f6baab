"""From captured bytes to packets: capture files, the dissector, DNS, and the packets of each exchange."""
