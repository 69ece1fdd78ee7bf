"""One file for each command, named like it. Files are found by name: a new command is one new file."""
