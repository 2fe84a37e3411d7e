"""Need to know: bundles, facts, and the pure decision who may see which section."""
