"""What the network learns from: clips, prompts, changes of light."""
