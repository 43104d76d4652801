"""What somebody should know, brought to them: in the portal, by e-mail, by webhook.

Nouns: a *notification* is a message to one user or, as a *broadcast*, to everybody; its *origin* is who sent it, its *topic* what
it is about, its *scope* what a later one replaces it by; a *channel* is a way to reach people (Web, Email, Webhook); a
*delivery* is one message on its way through a channel; a *digest* gathers deliveries; *quiet hours* hold them back.
How to: ``docs/how-to/notifications.md``.
"""
