"""Small linear classifiers over hashed features."""
