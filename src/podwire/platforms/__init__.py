"""Knowledge about Windows, HNS, network modes and clouds, and the facts that the user states."""
