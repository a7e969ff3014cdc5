"""Manifests for Kubernetes; docs/kubernetes.md has the rest."""
