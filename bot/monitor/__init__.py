"""Reads watched instances in the background, and opens and ends incidents."""
