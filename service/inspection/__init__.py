"""Looking inside a model: its layers and kernels, what each layer makes of a picture, and why it answers as it does.

    layers      the table of layers, from the card          formats     JSON, .npy or PNG
    kernels     kernels as numbers and as a grid            tiles       maps → pictures on a common scale
    activations feature maps of a picture                   sheets      pictures with captions → one PNG
    explanation maps of what an answer hangs on             filtering   convolution and pooling of any picture
    dreaming    pictures that excite a channel          extras      files beside the model, checked
    neighbours  training examples like a picture        pages       the report that training wrote

Everything is numbers in, numbers or pictures out; asking the engine is the routes' business. No Flask, no TensorFlow.
"""
