"""What stands in the way of a run: rights, versions, nodes, kube-proxy, namespaces, clocks, and options not given.

`podwire doctor` asks before anything is made. Each module looks at one subject and returns remarks.
"""
