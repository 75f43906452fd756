#!/usr/bin/env python3
"""Compares what rl4seg and nibabel read of the NIfTI files that nibabel ships for its own tests.

Usage: compare_with_nibabel.py READ_IMAGE [FILE ...] [--write]

READ_IMAGE is target/debug/read-image, which `cargo test --workspace --no-run` builds. Without FILE all files that the installed nibabel
ships are taken, whatever their format (but DICOM, which compare_with_pydicom.py takes), and some that nibabel makes here: both
versions, both byte orders, pairs, turned and flipped. Needs nibabel and NumPy. Fails if a file is read otherwise than by nibabel, if one
that is made here is refused, or if what became of a shipped one is not what docs/formats.md lists, which --write writes anew.
"""

import pathlib
import sys
import tempfile

import nibabel
import numpy
from nibabel.affines import from_matvec
from nibabel.eulerangles import euler2mat
from verdicts import Verdicts, arguments, read_as_asked, reason, shipped

AFFINES = {
    "plain": numpy.diag([1.5, 0.75, 3.0, 1.0]),
    "flipped": numpy.diag([-1.5, 0.75, -3.0, 1.0]),
    "oblique": from_matvec(euler2mat(z=0.4, y=-0.2, x=0.1) @ numpy.diag([1.25, 0.9, 2.0]), [7, -8, 9]),
    "left-handed": numpy.array([[0, 2.0, 0, 1], [2.0, 0, 0, 2], [0, 0, 2.0, 3], [0, 0, 0, 1]]),
}
FOLDERS = ["externals/tests/data", "gifti/tests/data", "tests/data"]


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
    (program, *files), rewrite = arguments()
    verdicts, wrong, count = Verdicts(__file__), 0, 0
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)

        def verdict_of(path):
            (found, *more), settings = read_as_asked(program, path, folder / "values", "depth")
            if "refused" in found:
                return "refused", settings, reason(found["refused"], path)
            several = "several images" if more else None
            unlike = found.get("crashed") or several or difference(path, found, (folder / "values.0").read_bytes())
            return ("OTHERWISE", settings, unlike) if unlike else ("same", settings, "")

        for path in files or made(folder):
            verdict, _, why = verdict_of(pathlib.Path(path))
            count += 1
            wrong += verdict != "same"
            if verdict != "same" or files:
                print(f"{verdict:10} {pathlib.Path(path).name}: {why}")
        print(f"{count - wrong} of {count} read as nibabel reads them")
        if files:
            return 1 if wrong else 0
        for name, path in shipped(nibabel, *FOLDERS):
            if path.suffix != ".dcm":
                verdicts.add(name, *verdict_of(path))
    differing, otherwise = verdicts.settle(rewrite), verdicts.count("OTHERWISE")
    print(f"nibabel's {verdicts.summary()}")
    return 1 if wrong or otherwise or differing else 0


if __name__ == "__main__":
    sys.exit(main())
