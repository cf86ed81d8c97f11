"""Drafts the description of an application nobody has described yet: looks as a stranger, writes YAML."""
