"""The lab as values: profiles, addresses, builds, and the interfaces between its parts."""
