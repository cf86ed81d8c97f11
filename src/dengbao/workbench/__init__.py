"""工作台: a local page over one engagement folder; the folder is the only store.

`app.build` makes the application, `serving.serve` listens. Pages live in `pages/`, one module per view,
each with its `ROUTES`; they read through `desk.Desk` and write only through the
rooms that the command line uses.
"""
