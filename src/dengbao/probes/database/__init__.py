"""Probes of kind database: facts, specs, code."""
