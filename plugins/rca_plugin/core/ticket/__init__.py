"""An incident as a ticket: what stands in it, and how far it follows the incident."""
