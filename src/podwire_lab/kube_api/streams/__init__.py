"""Streams to a pod: exec, port forwarding and logs."""
