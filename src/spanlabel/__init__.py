"""spanlabel."""
