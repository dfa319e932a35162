"""An event is acted on: one file a consumer group."""
