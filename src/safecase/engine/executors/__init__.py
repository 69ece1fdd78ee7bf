"""Who does the attempts: this process, or the machines of a cluster."""
