"""Chapter 1 身份鉴别."""
