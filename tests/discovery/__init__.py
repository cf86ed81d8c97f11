"""Discovery: from an address to a draft."""
