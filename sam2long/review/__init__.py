"""Which frames are worth a look: signs of doubt, and suggestions. Knows results, not how they came about."""
