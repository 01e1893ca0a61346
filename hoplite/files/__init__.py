"""Files of the machine for those who ask: listed, read, written, removed as the asker's account.

:mod:`~hoplite.files.files` is the server's side.  What touches a file happens in a process of its own,
a child of :mod:`~hoplite.files.keeper`, which has become the account before it looks at a path.
"""
