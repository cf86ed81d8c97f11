"""Captured traffic of an asset."""
