"""Makes `pytest checks --engagement DIR` a run of the toolkit."""

pytest_plugins = ["dengbao.pytest_plugin"]
