"""Harmful requests, and the categories of content that an organisation forbids."""
