"""What is expected of the length of packets."""
