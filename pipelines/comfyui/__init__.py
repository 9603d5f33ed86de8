"""Edits on a ComfyUI that runs elsewhere: its addresses, its HTTP interface, and the editor on top."""
