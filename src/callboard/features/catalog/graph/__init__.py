"""Relations as a graph: what lies around an entity, and how two entities hang together.

``domain`` decides what belongs to a graph, ``layout`` where it stands, ``drawing`` how it looks; ``reader`` asks the catalog.
No tables of its own. For readers: ``docs/how-to/read-the-graph.md``.
"""
