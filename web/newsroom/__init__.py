"""Pages for staff: under /{locale}/newsroom/."""
