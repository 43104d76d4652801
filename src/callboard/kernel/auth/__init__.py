"""Who is there, and how they prove it.

An *actor* (``actor.py``) is a user, a service, a plugin or nobody. Proofs: a session cookie (``sessions.py``), a personal
API token (``api_tokens.py``), a JWT signed here (``tokens.py``), or external access as Backstage configures it
(``external.py``). ``service.py`` turns any of them into an actor; what the actor may do is ``kernel.policy``.

Tables: kernel_user, kernel_session, kernel_api_token, kernel_signing_key, kernel_userinfo.
"""
