"""The first run: from an empty portal to one that has a name, an administrator and a place where its software lives.

Nouns: the *token* is printed in the terminal and lets one browser in; the *draft* is what was chosen so far; *finishing*
writes ``app-config.yaml`` and creates the administrator. Table: ``setup_state``. Tutorial: ``docs/tutorials/first-steps.md``.
"""
