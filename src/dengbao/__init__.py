"""dengbao: joint-test toolkit for third-level 等保 items of a medical-insurance access system."""

__version__ = "0.1.0"
