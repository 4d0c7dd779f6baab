"""Files of users and of runs, read so that they can do no harm: whatever is wrong is one line with its place."""
