"""Chapter 8: backup and restoring."""
