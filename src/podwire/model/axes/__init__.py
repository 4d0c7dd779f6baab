"""The axes of `@flows`: what one is, the table of all, and which values contradict each other."""
