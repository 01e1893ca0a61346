"""Which jobs start next.  Pure functions: no clock, no I/O."""
