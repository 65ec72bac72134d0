"""The studio: work on one video in the browser; server, messages and the page in `static/` (docs/studio-protocol.md).

It knows the session, the review and the writers of results, and must not import the command line.
"""
