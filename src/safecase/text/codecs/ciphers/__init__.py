"""Letters moved, exchanged or turned round."""
