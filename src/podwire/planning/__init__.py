"""From requirements and facts to cases: who plays which flow, and what the cluster needs for it. No I/O."""
