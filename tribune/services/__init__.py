"""One use case a file; each takes its dependencies as parameters."""
