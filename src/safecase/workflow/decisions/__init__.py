"""Who recommended, who decided, which exceptions were granted, and the keys that sign all of it."""
