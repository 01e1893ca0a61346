"""Plugins that are clients themselves."""
