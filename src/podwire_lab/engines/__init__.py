"""Policy engines: what the NetworkPolicies of the API mean to the pods of a node. Pure."""
