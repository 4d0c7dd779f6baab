"""The record of a run, its observations, and the files that hold them."""
