"""What runs in a probe pod. Standard library only, Python 3.8 or newer, Windows and Linux."""
