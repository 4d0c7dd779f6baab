"""The embedded cluster: real packets in network namespaces, with emulated Windows nodes. Never evidence about Windows."""
