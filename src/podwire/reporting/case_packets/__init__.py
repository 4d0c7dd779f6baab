"""The packets of one case for a person: every field as scapy shows it, and those that decided."""
