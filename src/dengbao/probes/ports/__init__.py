"""Probes of kind ports: facts, specs, code."""
