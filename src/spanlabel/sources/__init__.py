"""Who brings spans: files today, receivers later."""
