"""Pages for readers: what anybody may open, and what the links of a mail lead to."""
