"""Names of our environment variables, for the entry point `opentelemetry_environment_variables`.

`opentelemetry-instrument` makes a flag only of names that begin with OTEL_ (read in 0.66b1), so these are listed for
whoever reads the entry point, and each is described by `spanlabel config show`.
"""

SPANLABEL_AUTO_PROCESSOR = "SPANLABEL_AUTO_PROCESSOR"
"""`1` puts the span and the log processor into an app that runs under `opentelemetry-instrument`."""

SPANLABEL_CONFIG = "SPANLABEL_CONFIG"
"""Path of the settings file; without it ./spanlabel.yaml is read where it exists."""

SPANLABEL_DISABLED = "SPANLABEL_DISABLED"
"""`1` switches spanlabel off."""

SPANLABEL_HOME = "SPANLABEL_HOME"
"""Folder of the outbox and of the local store."""

SPANLABEL_PLATFORM = "SPANLABEL_PLATFORM"
"""Platform that gets the records."""
