"""Chapter 10: personal information."""
