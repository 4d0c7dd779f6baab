"""How a documented limitation shows: each symptom is one function."""
