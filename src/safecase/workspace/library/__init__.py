"""What ships with the product: suites, profiles, gate templates."""
