"""The layouts of the field's data sets on disk."""
