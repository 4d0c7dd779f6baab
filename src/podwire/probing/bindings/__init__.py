"""The values of the symbols of a flow, from what the run deployed and what agents and nodes report."""
