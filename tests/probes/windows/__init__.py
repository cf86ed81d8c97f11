"""Tests of what is read from Windows collector files."""
