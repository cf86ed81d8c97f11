"""Sealing, verifying, and hostile packets."""
