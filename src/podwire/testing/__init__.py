"""The pytest side: options, a session of cases, and `case` as a test holds it."""
