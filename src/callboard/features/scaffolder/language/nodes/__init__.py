"""The tree of a template. Each node compiles itself to a closure, one Python frame deep for each level of the tree.

``height`` counts the levels below a node as the limit of depth does: it bounds how deep compiling and running can nest,
so neither ever meets Python's own limit.
"""
