"""The native routes, a blueprint a file. Rules live in the modules they call; a route takes apart and puts together."""
