"""A pack read with distrust: archive, signature, records, run."""
