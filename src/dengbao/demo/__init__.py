"""The embedded institution: a small but real hospital system, before and after 整改."""
