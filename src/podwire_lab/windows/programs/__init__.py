"""Programs of Windows that are carried into emulated pods. Standard library only."""
