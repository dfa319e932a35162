"""Segments: saving rules, counting and naming the people in them, saying why somebody is in."""
