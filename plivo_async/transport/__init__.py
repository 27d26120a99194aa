"""How bytes reach the server. One door: `ConnectionPool`."""
