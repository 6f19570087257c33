"""The demonstration: sample engines, the services they pay on loopback, and what it all cost."""
