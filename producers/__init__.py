"""An event enters: one file per kind of source."""
