"""The data path of a Linux node, and Services on it."""
