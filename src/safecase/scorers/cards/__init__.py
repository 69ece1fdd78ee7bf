"""How often a scorer errs: measured against human labels, kept as a card."""
