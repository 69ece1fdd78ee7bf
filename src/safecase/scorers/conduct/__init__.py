"""How the answer treats people: tone, equal treatment, care where advice weighs heavily."""
