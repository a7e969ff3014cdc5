"""A convolutional network from first principles, each op in a few lines of TensorFlow's arithmetic.

geometry      how a window slides along a side: padding, stride, what fits                         (no TensorFlow)
convolution   the kernel unrolled into a matrix, and cross-correlation by it
pooling       the largest, or the mean, of every window
functions     dense, ReLU, sigmoid, softmax, cross-entropy

keras_layers  the same ops as layers of Keras, so that a network of them is built, exported and served like any other
adam, loop    an optimiser written out, and the loop that trains with it
experiment    the preset `scratch`, trained that way and published
demo          worked examples, step by step

Every op takes float tensors and lets gradients through. `docs/first-principles.md` tells it as a lesson.
"""
