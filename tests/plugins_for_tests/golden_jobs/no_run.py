"""A plugin without run."""
