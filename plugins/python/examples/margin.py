"""Is every structure there, and far enough from the border of the image?"""

import numpy as np


def assess(labels, spacing, label_names, least_mm):
    """labels: uint8 [y, x] or [slow, y, x]; spacing: mm, in the same order; label_names[3] is the name of label 3."""
    values, faults = {}, []
    for value, name in enumerate(label_names[1:], start=1):
        places = np.argwhere(labels == value)
        if len(places) == 0:
            values[f"margin_of_{name}"] = None
            faults.append(f"there is no {name}")
            continue
        voxels = np.minimum(places.min(axis=0), np.array(labels.shape) - 1 - places.max(axis=0))
        margin_mm = (voxels * spacing).min()
        values[f"margin_of_{name}"] = margin_mm
        if margin_mm < least_mm:
            faults.append(f"{name} is {margin_mm:.1f} mm from the border")
    return values, not faults, "; ".join(faults)
