"""Chapter 9: residual information."""
