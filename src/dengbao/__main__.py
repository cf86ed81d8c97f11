"""`python -m dengbao` is `dengbao`."""

from .cli import main

raise SystemExit(main())
