"""Access control: client identity, CORS origins, Host validation and received requests per client."""
