"""Probes of kind services: facts, specs, code."""
