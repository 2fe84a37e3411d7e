"""The demonstration: synthetic agencies publish, a worker is killed, task forces receive, the audit accounts.

The same steps (`steps.Demonstration`) serve ``kruispunt demo`` and the end-to-end tests, which count against the
generator's truth. Must not: import the rooms before they are needed.
"""
