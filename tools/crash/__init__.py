"""The crash suite: kills processes of a running stack again and again, and counts what was lost and what came twice."""
