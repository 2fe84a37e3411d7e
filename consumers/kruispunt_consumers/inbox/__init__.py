"""The inbox of a participant: verify what arrives, store it once, acknowledge it, log who opens it.

The road inside: `topic` reads ``in.<participant>``, `reading` decodes, `verification` judges, `store` keeps what was
read with the next offset in one transaction, `receipts` hands what is owed to the posting box, `follower` ties these
together; `presentation` and `documents` show, `commands` is the edge.
"""
