"""Deploy: the local stack of real servers, provisioning, and the demonstration."""
