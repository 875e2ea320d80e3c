"""Views of an activation, applied before it is copied: a slice, a reduction, the top units, a histogram, a cast.

In this order: slice, reduce, top or histogram, dtype. They need only NumPy: the front parses views, engines apply them.
"""
