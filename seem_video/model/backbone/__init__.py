"""Backbones: modules that turn (B, 3, H, W) normalised images into maps at strides 4, 8, 16 and 32."""
