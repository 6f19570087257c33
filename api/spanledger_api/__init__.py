"""What people and programs read: the HTTP API, its reports, and the command line."""
