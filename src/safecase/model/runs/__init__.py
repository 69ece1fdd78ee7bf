"""What happened: transcripts, attempts, failures, and the manifest of a run."""
