"""Node agents, containers, and the environment that a pod sees."""
