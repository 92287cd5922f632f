"""The Kubernetes API as evallab sees it: a narrow port, and its one implementation on the official client."""
