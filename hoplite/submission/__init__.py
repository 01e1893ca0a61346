"""Submissions: from what a client asks, in the words of ``oarsub``, to jobs to create.  No I/O."""
