"""What people keep of the catalog for themselves: saved views of lists, stars, where they have been, how their home page lies.

Nouns: a *view* is a list with a name (``catalog_view``), for its *audience*: one person, a group, or everybody; a *default* is
the view that a list opens with. *Stars* and the arrangement of the home page are user settings (``kernel.user_settings``); stars
lie where Backstage keeps them. A *visit* is an entity page that somebody opened (``catalog_visit``).
How to: ``docs/how-to/lists-and-views.md``.
"""
