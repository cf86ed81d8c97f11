"""Chapter 6 数据完整性."""
