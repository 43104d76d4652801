"""Finding by meaning, beside finding by words: an optional extra (``pip install callboard[semantic]``) that nothing else needs.

An *embedder* turns texts into vectors; a *vector* lies in ``search_meaning`` for each document; a question's nearest vectors are fused with
what its words found (``ranking.fusion``). Imported only where ``search.semantic.embedder`` is set. See docs/explanation/search.md.
"""
