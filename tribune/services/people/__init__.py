"""People as staff see and help them."""
