"""Hoplite plugins that hash a folder tree and report its duplicates."""
