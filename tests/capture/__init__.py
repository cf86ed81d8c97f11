"""Tests of the reader of captures."""
