"""What network policies allow, as the Kubernetes API documents them: a model of the API, not of any engine. Pure."""
