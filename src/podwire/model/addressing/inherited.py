"""The special pods of which one gets the address that the other had (manifests/variants/)."""

FORMER, HEIR = "address-former", "address-heir"
"""The pod that is deleted, and the one that is made again with its address, on the same node."""
