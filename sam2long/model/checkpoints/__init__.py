"""Loading of weights: parameter names, checkpoint files and the Hugging Face hub."""
