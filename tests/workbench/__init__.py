"""The page: served by the real command, asked by a real browser and by hostile hands."""
