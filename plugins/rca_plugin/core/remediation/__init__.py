"""Repairs: what may be done about an incident, how far, and who has to agree."""
