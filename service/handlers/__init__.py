"""Use cases, each called by the routes of both protocols."""
