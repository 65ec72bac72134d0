"""Tables, plots and pages of scores."""
