"""Work on several machines, by the user's own Ray cluster: what is started there, and what that needs."""
