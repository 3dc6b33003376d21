"""``python -m kumosan.scripts``."""

from .main import main

main()
