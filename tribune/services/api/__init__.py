"""What only the REST API asks for."""
