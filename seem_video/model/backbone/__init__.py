"""Backbones: modules that turn (B, 3, H, W) normalised images into maps at strides 4, 8, 16 and 32.

timm is imported where a layer of it is made, no sooner: that takes seconds, as it brings torchvision and PyTorch's
compiler.
"""
