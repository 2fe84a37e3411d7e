"""How well and how fast persons are resolved: a made-up population, a stream of mentions, and what becomes of them."""
