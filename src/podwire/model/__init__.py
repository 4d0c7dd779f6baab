"""The values that all rooms share: facts, flows, packets, cases, observations, verdicts. No I/O."""
