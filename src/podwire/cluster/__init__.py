"""The cluster under test, reached only through its API."""
