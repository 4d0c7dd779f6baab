"""What became of streams: their exchanges, and the changes that they lived through."""
