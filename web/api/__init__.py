"""The REST API: one file a resource, thin: decode, call one service, answer."""
