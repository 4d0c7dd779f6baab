"""Makes the changes that flows follow: one function for each row of `podwire.model.changes.table`."""
