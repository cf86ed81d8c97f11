"""Tests of the embedded institution, against the real process."""
