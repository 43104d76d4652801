"""Day-two actions: templates that act on what is in the catalog already, offered on the pages of the entities that they are for.

A template says so by annotations (see ``docs/how-to/act-on-entities.md``); nothing is stored besides. Words ``scaffolder.day_two.*``.
"""
