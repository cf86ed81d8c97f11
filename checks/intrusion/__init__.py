"""Chapter 4 入侵防范."""
