"""What people do over time: decisions and acceptances, in an append-only chained log."""
