"""Makes `pytest checks --engagement DIR` a run of the toolkit."""
