"""What the lab consists of, as values: profiles, addresses, builds, and where its parts meet."""
