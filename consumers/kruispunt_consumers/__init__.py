"""Consumers: the task-force inbox and the audit replay."""
