"""What a run leaves: the record, its observations, and the files that hold both."""
