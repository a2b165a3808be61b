"""One module a source: what it sends, turned into failures."""
