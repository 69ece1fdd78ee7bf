"""How a transcript becomes an outcome: deterministic scorers, LLM judges, and the cards that measure them."""
