"""podwire's probe agent: what runs in a probe pod, as the echo server and as the runner's client of the network.

The package is shipped as one file, `agent.pyz` (`podwire.cluster.deployment.agent_archive` makes it). It needs nothing
but the standard library of Python 3.8 or newer, on Linux and on Windows; of podwire it imports itself only. What a
start does not need is imported where it is used: an agent starts in every pod, and again for every stream to it.
"""
