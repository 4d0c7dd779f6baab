"""Tables of `kubectl get`: the columns and cells of each kind."""
