"""The LAYERS document, blend modes, placement, compositing and seamless blending."""
