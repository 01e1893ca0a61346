"""Admission rules at work: Starlark over a job, in warm children with limits."""
