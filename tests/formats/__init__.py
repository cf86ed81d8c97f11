"""Results in the formats of other tools, read by those tools."""
