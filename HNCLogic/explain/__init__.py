"""Why the network thinks so: Grad-CAM."""
