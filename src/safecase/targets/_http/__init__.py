"""Calls over HTTP: transport, bodies, templates, paths into answers."""
