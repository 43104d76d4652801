"""From what was asked to what is shown: reading a question, choosing and ordering what answers it, and telling why."""
