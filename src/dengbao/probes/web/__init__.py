"""Probes of kind web: facts, specs, code."""
