"""The room of an agency: adapters, posting box, publisher, and synthetic agencies.

The road inside: a source (`adapters`) is read from a cursor; each record becomes a draft or a refusal; `intake`
gives it its version, signs it and puts it in the posting box (`posting_box`) together with the cursor; `publisher`
sends what is queued to the participant's own topic.
"""
