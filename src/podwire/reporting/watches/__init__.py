"""A watch for people: the text of the terminal, and the page with its time line."""
