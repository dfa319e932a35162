"""Campaigns: reading what staff wrote, planning it for a segment, and looking at it."""
