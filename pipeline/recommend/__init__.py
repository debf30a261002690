"""Which network to take: from what sweeps measured where they did, and from published figures otherwise."""
