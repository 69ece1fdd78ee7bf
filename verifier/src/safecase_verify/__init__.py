"""An evidence pack checked by code that shares nothing with the code that made it."""
