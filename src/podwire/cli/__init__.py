"""The command line: `podwire COMMAND`."""
