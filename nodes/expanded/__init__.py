"""The nodes that Multi-Edit expands into; not for the canvas, so without help pages and translations.

They take links of the canvas, on which ComfyUI may send a list: `item` says which of its values to use.
"""
