"""The engine of this machine: a server's half, wardens that fork, and the jobs' own half."""
