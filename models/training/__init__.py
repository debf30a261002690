"""Training with Lightning: data loading, augmentation, optimiser, learning rate schedule, checkpoints."""
