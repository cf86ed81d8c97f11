"""Reads captured traffic: which flows are encrypted, and what secrets and personal data travel in clear."""
