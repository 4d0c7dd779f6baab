"""An emulated Windows node: its data path, its Services, and its lists. Each rule names its source."""
