"""Ways to reach people beyond the portal's own pages: mail and webhooks.

Life of a message here: ``outbox`` stores a job in the transaction that sends it; the job decides who gets it when, and writes a
delivery for each (``store``); jobs for mail (``mail``, ``smtp``) and webhooks (``webhooks``) take the deliveries that are due. A
delivery is marked before it leaves: what a crash cuts off is not sent a second time.
"""
