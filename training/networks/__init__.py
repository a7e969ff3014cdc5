"""From architectures (see the package of that name) to Keras models: the one to train, and the one to serve."""
