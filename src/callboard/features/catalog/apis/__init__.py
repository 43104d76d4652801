"""Definitions of APIs read, shown and compared: OpenAPI 2 and 3, AsyncAPI 2 and 3, GraphQL SDL, proto.

``reading`` turns a text into an ``Api`` (``model``), one reader a format; ``comparing`` says what differs between two of them and
what of it breaks a client. Both are pure. ``service`` keeps what was read, by the hash of the text, and reads off the event loop.
No tables of its own: earlier versions are made again from the entity's history. For readers: ``docs/how-to/read-an-api.md``.
"""
