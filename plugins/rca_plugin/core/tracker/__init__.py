"""Tickets in a tracker: what is heard of them, and what an incident makes of it."""
