"""The jurist's tools: cases that test the policy, mutants that test the cases, findings, the table that is signed, previews."""
