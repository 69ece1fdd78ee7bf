"""Rates of yes-or-no events: evaluation, correction for the scorer's error, early stop, sentences."""
