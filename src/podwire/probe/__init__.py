"""The agent that runs in probe pods, the runner's client of it, and the dispatcher that keeps all flows in flight."""
