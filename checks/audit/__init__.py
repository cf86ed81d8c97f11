"""Chapter 3 安全审计."""
