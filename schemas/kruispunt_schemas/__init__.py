"""The contract of the crossroads."""
