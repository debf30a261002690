"""Training: data, augmentation, optimiser, schedule and Lightning's loop around them."""
