#!/usr/bin/env python3
"""Compares what rl4seg and nibabel read of the NIfTI files that nibabel ships for its own tests.

Usage: compare_with_nibabel.py READ_IMAGE [FILE ...]

READ_IMAGE is target/debug/read-image, which `cargo test --workspace --no-run` builds. Without FILE the files of the installed nibabel
are taken, and some that nibabel makes here: both versions, both byte orders, pairs, turned and flipped. Needs nibabel and
NumPy. Prints a row for each file; fails if a file is read otherwise than by nibabel.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

import nibabel
import numpy
from nibabel.affines import from_matvec
from nibabel.eulerangles import euler2mat

AFFINES = {
    "plain": numpy.diag([1.5, 0.75, 3.0, 1.0]),
    "flipped": numpy.diag([-1.5, 0.75, -3.0, 1.0]),
    "oblique": from_matvec(euler2mat(z=0.4, y=-0.2, x=0.1) @ numpy.diag([1.25, 0.9, 2.0]), [7, -8, 9]),
    "left-handed": numpy.array([[0, 2.0, 0, 1], [2.0, 0, 0, 2], [0, 0, 2.0, 3], [0, 0, 0, 1]]),
}


def shipped():
    """The NIfTI files that come with nibabel."""
    folder = pathlib.Path(nibabel.__file__).parent / "tests" / "data"
    names = ["*.nii", "*.nii.gz", "*.hdr"]
    return sorted(path for name in names for path in folder.glob(name))


def made(folder):
    """Files that nibabel writes: every version, byte order and kind, on every affine."""
    values = numpy.arange(2 * 3 * 4).reshape(4, 3, 2)
    kinds = {
        "one.nii": nibabel.Nifti1Image,
        "two.nii.gz": nibabel.Nifti2Image,
        "pair.img": nibabel.Nifti1Pair,
        "pair-two.img": nibabel.Nifti2Pair,
    }
    for order in "<>":
        for affine_name, affine in AFFINES.items():
            for kind_name, kind in kinds.items():
                for number in ["u1", "i2", "f4", "f8"]:
                    header = kind.header_class(endianness=order)
                    header.set_data_dtype(numpy.dtype(number).newbyteorder(order))
                    header.set_xyzt_units("mm", "msec")
                    image = kind(values.astype(number), affine, header)
                    order_name = "little" if order == "<" else "big"
                    path = folder / f"{affine_name}-{order_name}-{number}-{kind_name}"
                    nibabel.save(image, path)
                    yield path


def difference(path, found, values):
    """How what rl4seg found differs from what nibabel finds, or nothing."""
    image = nibabel.load(path)
    expected = numpy.asarray(image.get_fdata())
    while expected.ndim > 3 and 1 in expected.shape[2:]:
        axis = 2 + expected.shape[2:].index(1)
        expected = expected.squeeze(axis)
    expected = expected.reshape(expected.shape + (1,) * (3 - expected.ndim)).transpose(2, 1, 0)
    if list(expected.shape) != found["shape"]:
        return f"shape {found['shape']}, not {list(expected.shape)}"
    values = numpy.frombuffer(values, "<f4").reshape(expected.shape)
    if not numpy.array_equal(values, expected.astype("f4")):
        return "other values"
    unit = {"meter": 1e3, "micron": 1e-3}.get(image.header.get_xyzt_units()[0], 1.0)
    affine = image.affine[:3] * unit
    if image.header["sform_code"] == 0 and image.header["qform_code"] == 0:
        # Neither says where the image lies: nibabel puts its centre at the origin, the standard (method 1) its first voxel.
        affine[:, 3] = 0
        affine = numpy.abs(affine)
    if not numpy.allclose(found["affine"], affine, rtol=1e-6, atol=1e-6):
        return f"affine {found['affine']}, not {affine.tolist()}"
    zooms = image.header.get_zooms()
    if not numpy.allclose(found["spacing_mm"], [zooms[1] * unit, zooms[0] * unit], rtol=1e-6):
        return f"spacing {found['spacing_mm']}, not {zooms}"
    return None


def main():
    program, *files = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        if files:
            paths = [pathlib.Path(file) for file in files]
        else:
            paths = [*shipped(), *made(folder)]
        wrong = read = 0
        for path in paths:
            values = folder / "values"
            environment = {**os.environ, "AXIS": "depth"}
            answer = subprocess.run([program, path, values], check=True, capture_output=True, text=True, env=environment).stdout
            found = json.loads(answer)
            if "refused" in found:
                print(f"refused    {found['refused'].replace(str(path.parent) + '/', '')}")
                wrong += path.parent == folder
                continue
            unlike = difference(path, found, pathlib.Path(f"{values}.0").read_bytes())
            wrong += unlike is not None
            read += unlike is None
            if unlike or path.parent != folder:
                print(f"{'OTHERWISE' if unlike else 'the same':10} {path.name}{': ' + unlike if unlike else ''}")
    print(f"{read} of {len(paths)} read as nibabel reads them, {wrong} otherwise")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
