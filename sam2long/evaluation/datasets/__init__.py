"""How the field's data sets lie on disk."""
