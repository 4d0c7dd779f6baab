"""What a run puts into the cluster, changes there, and removes."""
