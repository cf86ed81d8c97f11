"""Chapter 7 数据保密性."""
