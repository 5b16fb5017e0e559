"""Our own executors: each reaches one kind of host, and comes through the same door as a stranger's."""
