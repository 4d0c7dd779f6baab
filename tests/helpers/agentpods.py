"""Pods of a running lab that serve the agent's echo."""

import base64

from runninglab import ready, until

from podwire.cluster.deployment.agent_archive import agent_archive

HOST_PROCESS = {"windowsOptions": {"hostProcess": True, "runAsUserName": "NT AUTHORITY\\SYSTEM"}}


def provide_agent(api):
    """The ConfigMap with the agent, in the namespace `default`."""
    code = {"metadata": {"name": "agent"}, "binaryData": {"agent.pyz": base64.b64encode(agent_archive()).decode()}}
    api("POST", "/api/v1/namespaces/default/configmaps", code)


def serve(api, name, node, port=8080, container=(), **spec):
    """Create a pod that answers on a port with its name as its identity."""
    api.run(
        name,
        *("python", "-I", "-S", "/podwire/agent.pyz", "serve", "--port", str(port)),
        nodeName=node,
        container={
            "env": [{"name": "PODWIRE_IDENTITY", "value": name}],
            "volumeMounts": [{"name": "agent", "mountPath": "/podwire", "readOnly": True}],
            **dict(container),
        },
        volumes=[{"name": "agent", "configMap": {"name": "agent"}}],
        **spec,
    )


def serving(api, name):
    """Wait until the pod's agent listens: a pod without a readiness probe is ready when its process starts."""
    pod = api.wait(name, ready)
    log = f"/api/v1/namespaces/default/pods/{name}/log"
    until(lambda: "echo on port" in api.text(log), shown=lambda: api.text(log))
    return pod
