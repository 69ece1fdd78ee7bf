"""Pages and machine-readable reports: one set of templates for the live app and the frozen pack."""
