"""Staff: how they get in, stay in, and what the organisation can change about them."""
