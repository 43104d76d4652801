"""What everybody, or some groups, should read: on the home page for as long as it holds, and kept as a list.

Nouns: an *announcement* is a Markdown text with a time from which, and perhaps until which, it is shown; its *audience* are
groups, or everybody; whoever has read it *dismisses* it from their home page. How to: ``docs/how-to/notifications.md``.
"""
