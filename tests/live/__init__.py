"""Checks against real servers that the test starts: every verdict written down beforehand."""
