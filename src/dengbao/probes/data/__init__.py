"""Probes of data that lie as files: facts, specs, code."""
