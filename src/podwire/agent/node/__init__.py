"""What the machine or pod tells of itself: interfaces, network cards, and the lists of programs."""
