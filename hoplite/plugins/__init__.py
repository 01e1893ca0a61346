"""Which plugins are installed.  Nothing here imports one."""
