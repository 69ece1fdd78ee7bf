"""The vocabulary: frozen, documented types that every other room shares."""
