"""Text that people do not see."""
