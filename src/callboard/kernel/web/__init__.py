"""The door for browsers and clients: routing, who asks, errors, headers, compression, pages.

``asgi.build_asgi`` puts it together. What must be fastest (``raw.py``) goes past all of it but authentication.
"""
