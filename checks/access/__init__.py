"""Chapter 2: access control."""
