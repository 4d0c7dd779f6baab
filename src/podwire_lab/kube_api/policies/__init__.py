"""ValidatingAdmissionPolicies (kubernetes.io: Validating Admission Policy), with Google's own runtime for CEL."""
