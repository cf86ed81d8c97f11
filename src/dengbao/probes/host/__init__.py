"""Probes of kind host: facts, specs, code."""
