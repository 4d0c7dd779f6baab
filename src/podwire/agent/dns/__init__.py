"""DNS: questions of the agent itself, and the server that knows no name."""
