"""What was searched for: each person's own last searches, what many look for, and what nothing was found for."""
