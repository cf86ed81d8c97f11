"""The scanner for personal data."""
