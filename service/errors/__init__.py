"""Errors as HTTP tells them: one shape, a status for each class, both protocols."""
