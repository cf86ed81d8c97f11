"""Probes of kind backup: facts, specs, code."""
