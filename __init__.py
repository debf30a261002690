"""From a PyTorch image classifier to a proven INT8 model on the device."""
