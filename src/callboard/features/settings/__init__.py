"""A person's own account: who they are here and through what, where they are signed in, their password.

Pages below ``/settings``; others stand beside them by ``register_settings_pages``: preferences, notifications, access tokens.
"""
