"""What a run may change in a cluster: the table of changes, and the lists of endpoints that it writes."""
