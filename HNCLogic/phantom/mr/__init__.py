"""MR images of a body: relaxation, diffusion, contrast agent, coils and protocols."""
