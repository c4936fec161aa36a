"""A registry that lies at random, a world that changes meanwhile, and a witness who knows what is true."""
