"""Tools for who works on Tribune: none of them is in the wheel."""
