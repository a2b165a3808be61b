"""Hostile logs, and a model that obeys every one of them."""
