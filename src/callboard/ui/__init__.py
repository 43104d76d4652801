"""The design system: tokens, parts, layouts, icons, message catalogues and a gallery that shows them all.

Templates live in ``templates/`` (``ui/layout.html``, ``ui/parts.html``), own styles and scripts in ``static/``, third-party
browser files in ``static/vendor/`` (put there by ``build_assets``, never committed). Nothing here knows a feature's noun.
"""
