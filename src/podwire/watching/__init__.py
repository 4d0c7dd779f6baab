"""A watch: streams over all paths of a cluster while something else happens to it."""
