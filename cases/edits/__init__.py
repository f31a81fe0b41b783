"""Outlines that planners change at the desk: what is read, planned, written and undone."""
