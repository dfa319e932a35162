"""Imports as jobs: a file is brought, looked at, checked, run, and removed."""
