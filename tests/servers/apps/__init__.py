"""Applications that others wrote, installed from Debian or PyPI, each with a page of YAML beside it."""
