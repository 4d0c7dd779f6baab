"""The network of a profile: underlay, nodes, a router and a host outside, with real packets between them."""
