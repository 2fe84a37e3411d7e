"""``python -m kruispunt_schemas`` is the command ``kruispunt``, for processes that start one another."""

from kruispunt_schemas.command import main

main()
