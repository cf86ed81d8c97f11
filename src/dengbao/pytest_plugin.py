"""Probe = prefetch, case = item, judgement = record."""
