"""Small linear classifiers over hashed n-grams, kept as plain arrays: features, heads, training."""
