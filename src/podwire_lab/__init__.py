"""The embedded cluster: real packets in network namespaces, emulated Windows nodes. Never evidence about Windows."""
