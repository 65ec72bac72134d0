"""The worker: one thread that owns the session, and what it does for the tabs."""
