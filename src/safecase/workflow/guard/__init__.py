"""What a person asks of the guard: build it, measure it, calibrate a check, train the classifier."""
