"""The common database: references and keyed hashes, never content. A projection of the lasting topics."""
