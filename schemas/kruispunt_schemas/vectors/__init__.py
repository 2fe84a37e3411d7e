"""Test vectors of the contract: see README.md beside this file. Every key and secret in here is a test key."""
