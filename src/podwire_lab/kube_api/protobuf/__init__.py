"""Objects in the protobuf of Kubernetes: their decoder, and the fields of their messages."""
