"""`python -m multiedit`."""

from .cli import main

raise SystemExit(main())
