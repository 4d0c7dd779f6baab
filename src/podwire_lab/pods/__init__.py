"""Node agents, containers, and what a pod sees around it."""
