"""Facts about the machine or pod itself: interfaces, network cards, and the output of programs."""
