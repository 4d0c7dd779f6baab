"""podwire's probe agent: the echo server in each probe pod, and the client that sends flows for the runner.

The package is shipped as one file, `agent.pyz` (`podwire.cluster.deployment.agent_archive` makes it). It runs on the
standard library of Python 3.8 or newer, on Linux and Windows, and imports no other part of podwire. Modules that a
start does not need are imported where they are used, because an agent starts in every pod and for every stream to it.
"""
