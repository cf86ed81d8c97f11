"""Probes of kind tls: facts, specs, code."""
