"""Plugins for the tests of executors: each does one thing."""
