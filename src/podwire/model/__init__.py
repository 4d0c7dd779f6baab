"""What the project speaks of, as values: facts, flows, packets, cases, observations, verdicts. No I/O."""
