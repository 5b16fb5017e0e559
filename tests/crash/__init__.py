"""Processes that are really killed, disks that are really full, servers that really go down: what the durable stores promise holds."""
