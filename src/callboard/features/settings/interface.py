"""The face of personal settings: values of a user that other parts of the portal read (``kernel.user_values``).

``THEME``: light or dark, absent for what the system says. ``LOCALE``: one of ``Messages.locales``, absent for the browser's.
``START_PAGE``: the path that signing in leads to.
"""

from __future__ import annotations

THEME = "theme"
LOCALE = "locale"
START_PAGE = "start_page"
