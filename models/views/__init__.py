"""What is made of an activation before it is copied: a part, a reduction, the top units, a histogram, another dtype.

In this order: slice, reduce, top or histogram, dtype. NumPy alone, for the front, which reads views, and for engines,
which apply them.
"""
