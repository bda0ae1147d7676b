"""SSH for real: an sshd of its own for every need, and the same tests over every way to it."""
