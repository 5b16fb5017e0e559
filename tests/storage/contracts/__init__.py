"""What every store keeps, by the numbers of the reference (`docs/reference/storage.md`)."""
