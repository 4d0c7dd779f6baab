"""The bundle that signs a release off: runs, gate, reports and packets in one file, with a signature over all of it."""
