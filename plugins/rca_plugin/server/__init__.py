"""What runs inside the API server. The only room with tables."""
