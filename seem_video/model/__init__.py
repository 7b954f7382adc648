"""The promptable segmentation model; it knows images and masks, no video."""
