"""Who asks, from which page and under which name of ours: clients, origins, hosts, and what comes at once."""
