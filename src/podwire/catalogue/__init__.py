"""The suites as data: requirements, limitations, and the sentences of the documentation that they come from."""
