"""One run from facts to record, and the commands that make or read several runs."""
