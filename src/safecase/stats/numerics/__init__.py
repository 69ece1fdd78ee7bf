"""The few functions of numerical libraries that a run and its verdict need, without importing these whole."""
