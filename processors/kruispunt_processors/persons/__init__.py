"""Who is who: the pure core of the resolver of persons.

normalisation (what a subject says, folded) -> keys (where to look) and sealing (what is stored) -> comparison (two
mentions, field by field) -> decision (link, new or review) -> explanation (the same as plain data).

For lists: columns and rows (a row as particulars) -> linking. To judge: measures, evaluation, threshold_plot; recomputation
decides again what was decided.

Must not: read a database, a topic or a clock; show what a mention says in an error's text.
"""
