"""Signs written as codes between signs that are not."""
