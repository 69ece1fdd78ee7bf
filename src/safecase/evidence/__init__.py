"""Evidence that carries its own proof: chained manifests, signed packs, independent verification."""
