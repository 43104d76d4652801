"""Past-tense facts, told after the commit or not at all.

``publish`` writes an event beside the change that it tells of (outbox table ``kernel_event``). After the commit it
reaches the handlers that features registered, subscribers in this process (SSE), those in other replicas (which read
the table when told), and the webhooks of the settings (``kernel_webhook_delivery``). Inbound webhooks become events.
"""

from callboard.kernel.events.bus import Event, EventHandler, Events, Subscription
from callboard.kernel.events.guards import EventGuard
from callboard.kernel.events.webhooks import Webhook, Webhooks

__all__ = ["Event", "EventGuard", "EventHandler", "Events", "Subscription", "Webhook", "Webhooks"]
