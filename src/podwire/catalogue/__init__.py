"""The suites as data: requirements, limitations, and the rows of the documentation that they come from."""
