"""From a parsed document to an entity with relations and location targets: pure functions, no I/O, no clock.

Nouns: a *document* is one parsed value of a file; a *placeholder* (``$text: ./api.yaml``) is replaced by a file's content;
a *problem* says why a document cannot be used. ``pipeline.process_document`` runs all steps in Backstage's order:
envelope, rules, placeholders, annotations, policies, kind, location targets, relations.
"""
