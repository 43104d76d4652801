"""What people set for themselves: who they are here, where they are signed in, how the portal looks, where it begins.

Pages below ``/settings``; other features add theirs by ``register_settings_pages``.
"""
