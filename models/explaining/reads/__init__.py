"""What an element is computed from: a box in each input and in each earlier tensor. One file has the rules of a family
of layers; they need no numbers, only shapes.
"""
