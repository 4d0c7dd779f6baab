"""An emulated Windows node: its data path, its Services, and what it lists of itself. Each rule has its source."""
