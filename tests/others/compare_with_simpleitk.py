#!/usr/bin/env python3
"""Compares what rl4seg reads of MetaImage, NRRD, PNG, JPEG and TIFF files with what went into them.

Usage: compare_with_simpleitk.py READ_IMAGE

READ_IMAGE is target/debug/read-image, which `cargo test --workspace --no-run` builds. SimpleITK, pynrrd and Pillow write the
files: every type of number, in a plane and in space, straight, flipped, oblique and left-handed, packed or not, in one file or
two. Needs SimpleITK, pynrrd, Pillow and NumPy. Prints what differs; fails if anything does.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

import nrrd
import numpy
import SimpleITK
from PIL import Image

TURN = 0.3
DIRECTIONS = {
    "straight": numpy.eye(3),
    "flipped": numpy.diag([-1.0, 1.0, -1.0]),
    "oblique": numpy.array([[numpy.cos(TURN), -numpy.sin(TURN), 0], [numpy.sin(TURN), numpy.cos(TURN), 0], [0, 0, 1]]),
    "left-handed": numpy.array([[0, 1.0, 0], [1.0, 0, 0], [0, 0, 1.0]]),
}
NUMBERS = ["i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8"]
SPACING = [0.75, 1.5, 3.0]
ORIGIN = [7.0, -8.0, 9.5]
# From the coordinates of ITK and of NRRD's "left-posterior-superior" to those of NIfTI.
RAS = numpy.diag([-1.0, -1.0, 1.0])


def values_of(number, shape):
    """Numbers that show sign and byte order."""
    values = numpy.arange(numpy.prod(shape)).reshape(shape) * 5 - 60
    return (values % 120 if number == "u1" else numpy.abs(values) if number[0] == "u" else values).astype(number)


def affine_of(direction):
    return numpy.column_stack([RAS @ direction @ numpy.diag(SPACING), RAS @ ORIGIN])


def in_space(folder):
    """Volumes by SimpleITK: a file, its values `[z, y, x]` and its affine."""
    for name, direction in DIRECTIONS.items():
        for number in NUMBERS:
            values = values_of(number, (2, 4, 3))
            image = SimpleITK.GetImageFromArray(values)
            image.SetSpacing(SPACING)
            image.SetOrigin(ORIGIN)
            image.SetDirection(direction.ravel())
            for ending in ["mha", "mhd", "nrrd", "nhdr"]:
                for packed in [False, True]:
                    path = folder / f"{name}-{number}-{packed}.{ending}"
                    SimpleITK.WriteImage(image, str(path), packed)
                    yield path, values, affine_of(direction), {"AXIS": "depth"}


def in_a_plane(folder):
    """Planes by SimpleITK."""
    values = values_of("i2", (4, 3))
    image = SimpleITK.GetImageFromArray(values)
    image.SetSpacing(SPACING[:2])
    image.SetOrigin(ORIGIN[:2])
    # A plane's NRRD names no space, so that its coordinates are taken as they are.
    for ending, sign in [("mha", -1), ("nrrd", 1)]:
        steps = numpy.diag([sign * SPACING[0], sign * SPACING[1], 1.0])
        affine = numpy.column_stack([steps, [sign * ORIGIN[0], sign * ORIGIN[1], 0.0]])
        path = folder / f"plane.{ending}"
        SimpleITK.WriteImage(image, str(path))
        yield path, values[None], affine, {}


def with_a_fourth_axis(folder):
    """MetaImage of one time, or of frames, by SimpleITK."""
    for shape, slow in [((1, 2, 4, 3), (2, 4, 3)), ((2, 1, 4, 3), (2, 4, 3))]:
        values = values_of("i2", shape)
        image = SimpleITK.GetImageFromArray(values, isVector=False)
        image.SetSpacing([*SPACING, 20.0])
        image.SetOrigin([*ORIGIN, 0.0])
        path = folder / f"four-{shape[0]}.mha"
        SimpleITK.WriteImage(image, str(path))
        yield path, values.reshape(slow), affine_of(numpy.eye(3)), {"AXIS": "depth"}


def by_pynrrd(folder):
    """What SimpleITK does not write: other spaces and units, big-endian numbers, frames in time, layers of segments."""
    values = values_of("i2", (2, 4, 3))
    for space, signs in [("right-anterior-superior", [1, 1, 1]), ("left-anterior-superior", [-1, 1, 1]), ("LPS", [-1, -1, 1])]:
        path = folder / f"{space}.nrrd"
        header = {"space": space, "space directions": numpy.diag(SPACING), "space origin": ORIGIN, "kinds": ["domain"] * 3}
        nrrd.write(str(path), values, header, index_order="C")
        affine = numpy.column_stack([numpy.diag(SPACING), ORIGIN]) * numpy.array(signs)[:, None]
        yield path, values, affine, {"AXIS": "depth"}
    path = folder / "spacings.nrrd"
    nrrd.write(str(path), values.astype(">i2"), {"spacings": SPACING, "endian": "big"}, index_order="C")
    yield path, values, numpy.column_stack([numpy.diag(SPACING), [0, 0, 0]]), {"AXIS": "depth"}
    space = {"space": "right-anterior-superior", "space directions": numpy.diag(SPACING), "space origin": ORIGIN}
    affine = numpy.column_stack([numpy.diag(SPACING), ORIGIN])
    for encoding in ["raw", "gzip"]:
        path = folder / f"apart-{encoding}.nhdr"
        nrrd.write(str(path), values, {**space, "encoding": encoding}, detached_header=True, index_order="C")
        yield path, values, affine, {"AXIS": "depth"}
    path = folder / "microns.nrrd"
    nrrd.write(str(path), values, {**space, "space units": ["um"] * 3}, index_order="C")
    yield path, values, affine / 1000, {"AXIS": "depth"}
    nowhere = numpy.full(3, numpy.nan)
    path = folder / "frames.nrrd"
    frames = {**space, "space directions": numpy.vstack([numpy.diag(SPACING)[:2], nowhere]), "kinds": ["domain", "domain", "time"]}
    nrrd.write(str(path), values, frames, index_order="C")
    yield path, values, numpy.column_stack([numpy.diag([*SPACING[:2], 1.0]), ORIGIN]), {}
    path = folder / "layer.seg.nrrd"
    layer = {**space, "space directions": numpy.vstack([nowhere, numpy.diag(SPACING)]), "kinds": ["list"] + ["domain"] * 3}
    nrrd.write(str(path), values[..., None], layer, index_order="C")
    yield path, values, affine, {"AXIS": "depth"}


def pictures(folder):
    """Pictures by Pillow; a JPEG may be off by a few."""
    byte, word = values_of("u1", (4, 3)), values_of("u2", (4, 3)) * 300
    colored = numpy.stack([byte, byte // 2, byte // 3], -1)
    luminance = (colored * [0.299, 0.587, 0.114]).sum(-1)
    bits = byte > 50
    palette = Image.fromarray(byte % 4).convert("P")
    palette.putpalette([10, 10, 10, 20, 20, 20, 30, 30, 30, 40, 40, 40])
    full = Image.new("L", (3, 4), 255)
    for name, image, values in [
        ("byte.png", Image.fromarray(byte), byte),
        ("word.png", Image.fromarray(word), word),
        ("colored.png", Image.fromarray(colored), luminance),
        ("bits.png", Image.fromarray(bits), bits),
        ("palette.png", palette, byte % 4 * 10 + 10),
        ("opaque.png", Image.merge("LA", [Image.fromarray(byte), full]), byte),
        ("opaque.tif", Image.merge("RGBA", [*Image.fromarray(colored).split(), full]), luminance),
        ("bits.tif", Image.fromarray(bits), bits),
        ("byte.tif", Image.fromarray(byte), byte),
        ("word.tiff", Image.fromarray(word), word),
        ("colored.tif", Image.fromarray(colored), luminance),
        ("float.tif", Image.fromarray(byte.astype("f4") / 7), byte.astype("f4") / 7),
        ("packed.tif", Image.fromarray(word), word),
        ("byte.jpg", Image.fromarray(numpy.full((16, 16), 77, "u1")), numpy.full((16, 16), 77)),
    ]:
        path = folder / name
        options = {"compression": "tiff_lzw"} if name == "packed.tif" else {"quality": 100} if name == "byte.jpg" else {}
        image.save(path, **options)
        affine = numpy.column_stack([numpy.diag([0.25, 0.5, 1.0]), [0, 0, 0]])
        yield path, numpy.asarray(values)[None], affine, {"SPACING": "0.5 0.25"}


def difference(program, path, values, affine, told, folder):
    """How what rl4seg reads differs, or nothing."""
    out = folder / "values"
    environment = {**os.environ, **told}
    answer = subprocess.run([program, path, out], check=True, capture_output=True, text=True, env=environment).stdout
    found = json.loads(answer)
    if "refused" in found:
        return found["refused"]
    if found["shape"] != list(values.shape):
        return f"shape {found['shape']}, not {list(values.shape)}"
    read = numpy.frombuffer(pathlib.Path(f"{out}.0").read_bytes(), "<f4").reshape(values.shape)
    if not numpy.allclose(read, values.astype("f4"), rtol=1e-6, atol=1e-4):
        return "other values"
    if not numpy.allclose(found["affine"], affine, rtol=1e-12, atol=1e-12):
        return f"affine {found['affine']}, not {affine.tolist()}"
    return None


def main():
    program = sys.argv[1]
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        count = wrong = 0
        for make in [in_space, in_a_plane, with_a_fourth_axis, by_pynrrd, pictures]:
            for path, values, affine, told in make(folder):
                unlike = difference(program, path, values, affine, told, folder)
                count += 1
                wrong += unlike is not None
                if unlike:
                    print(f"OTHERWISE  {path.name}: {unlike}")
    print(f"{count - wrong} of {count} read as they were written, {wrong} otherwise")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
