"""What an event is as bytes and as data."""
