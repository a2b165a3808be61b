"""What runs in task processes. No database: it talks to the server by HTTP."""
