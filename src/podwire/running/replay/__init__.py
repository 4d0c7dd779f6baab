"""Replay: dated regressions of Kubernetes, Windows and CNIs, each as a fault that the suite must find."""
