"""An incident as a message in Slack."""
