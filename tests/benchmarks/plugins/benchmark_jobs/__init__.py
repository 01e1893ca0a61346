"""Jobs that measure the server that runs them."""
