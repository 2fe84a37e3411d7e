"""Frozen records of the contract, one dataclass for each Avro record."""
