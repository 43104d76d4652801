"""Software templates: forms, tasks that run their steps, and what they made, kept up to date.

Wire and semantics are those of Backstage's scaffolder (backend 4.2.0); what is more is ours.
"""
