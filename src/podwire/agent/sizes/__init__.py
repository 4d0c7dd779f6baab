"""How long a packet may be that a path carries."""
