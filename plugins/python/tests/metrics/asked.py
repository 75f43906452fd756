"""What a function is asked."""

import sys

import numpy as np

kept = []


def seen(labels, spacing):
    values = {"dimensions": labels.ndim, "writable": int(labels.flags.writeable), "uint8": int(labels.dtype == np.uint8)}
    values |= {f"size_{axis}": size for axis, size in enumerate(labels.shape)}
    values |= {f"spacing_{axis}": step for axis, step in enumerate(spacing)}
    return values | {"last": labels[(-1,) * labels.ndim]}, isinstance(spacing, tuple)


def rude(labels, spacing, label_names, weights):
    """Keeps and changes what it is given."""
    before = {"voxels": int(labels.sum()), "weights": len(weights), "kept": sum(int(array.sum()) for array in kept)}
    kept.append(labels)
    labels[...] = 0
    weights.append(1)
    print("not among the answers")
    return before, label_names == ("background", "lv")


def slow(labels, spacing):
    """Gives the interpreter away again and again."""
    total = 0
    for row in labels:
        total += int(row.sum())
        sys.setswitchinterval(1e-6)
    return {"total": total}, True


class Judge:
    @staticmethod
    def always(labels, spacing):
        return {}, True


number = 3.5
