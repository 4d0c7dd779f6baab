"""Addresses and ports as numbers: networks that nobody uses, ranges of ports, addresses of an EC2 network card."""
