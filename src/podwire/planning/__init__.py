"""From requirements and facts to cases: the probes of each flow, and the objects that it needs. No I/O."""
