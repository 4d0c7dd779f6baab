"""The objects of the API: their shapes, defaults, checks, and the store that keeps them."""
