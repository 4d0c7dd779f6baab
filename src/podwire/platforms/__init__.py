"""Knowledge about Windows, HNS, network modes and clouds, and the facts that a user states about the cluster."""
