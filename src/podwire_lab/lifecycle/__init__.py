"""Start a lab, keep it up, open a shell in it, and end it."""
