"""What is known of Windows, HNS, network modes and clouds, and what a user states of the cluster."""
