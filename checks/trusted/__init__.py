"""Chapter 5 可信验证."""
