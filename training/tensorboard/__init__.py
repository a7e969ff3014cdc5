"""Logs that TensorBoard shows: what a run looked like from inside.

    scalars      loss and accuracy of either part, learning rate       train/, validation/
    graph        of the model that is trained                          train/
    histograms   every weight, at each epoch                           train/
    images       kernels of the first layer, at each epoch             train/
    projector    validation pictures by the last hidden layer          projector_config.pbtxt beside them

Written by TensorFlow alone: TensorBoard is needed to look at them, not to write them. `python -m training train` does so
when told `--tensorboard`.
"""

from training.tensorboard.callback import tensorboard_callbacks

__all__ = ["tensorboard_callbacks"]
