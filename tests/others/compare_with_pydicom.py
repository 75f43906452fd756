#!/usr/bin/env python3
"""Compares what rl4seg and pydicom read of the DICOM files that pydicom and nibabel ship for their own tests.

Usage: compare_with_pydicom.py READ_IMAGE [--table]

READ_IMAGE is target/debug/read-image, which `cargo test --workspace --no-run` builds. Each file is read by itself, and the folder that
pydicom ships as a medium (with a DICOMDIR) as a whole. Files whose spacing is missing are refused for that, then read with one given by
hand, so that their values are compared too. Compared are shape, every value (after rescaling, MONOCHROME1 turned round, luminance of
colours), spacing, affine and the order of slices. Values that were packed with losses may differ by two. With --table every file is
listed, as in docs/formats.md. Needs pydicom, nibabel, NumPy, and for compressed files pylibjpeg with its plugins and pyjpegls. Fails if
a file is read otherwise than by pydicom.
"""

import gzip
import json
import logging
import os
import pathlib
import subprocess
import sys
import tempfile
import warnings

import nibabel
import numpy
import pydicom
from pydicom.pixels import apply_color_lut, apply_rescale

warnings.simplefilter("ignore")
logging.disable(logging.CRITICAL)

LOSSY = 2.0


def shipped():
    """The DICOM files that come with pydicom and nibabel."""
    roots = [pathlib.Path(pydicom.__file__).parent / "data", pathlib.Path(nibabel.__file__).parent / "nicom" / "tests" / "data"]
    others = {".py", ".pyc", ".txt", ".json", ".dump", ".icc", ".gz", ".md", ".npy", ".cfg", ".html"}
    for root in roots:
        yield from sorted(path for path in root.rglob("*") if path.is_file() and path.suffix not in others)
        yield from sorted(root.rglob("*.dcm.gz"))


def luminance(pixels):
    pixels = pixels.astype("f4")
    gray = (pixels[..., 0] == pixels[..., 1]) & (pixels[..., 1] == pixels[..., 2])
    weights = numpy.array([0.299, 0.587, 0.114], "f4")
    return numpy.where(gray, pixels[..., 0], pixels @ weights)


def values_of(dataset):
    """Intensities as rl4seg gives them, by pydicom."""
    pixels = dataset.pixel_array
    if dataset.PhotometricInterpretation == "PALETTE COLOR":
        return luminance(apply_color_lut(pixels, dataset))
    if dataset.SamplesPerPixel == 3:
        return luminance(pixels)
    values = apply_rescale(pixels, dataset).astype("f8")
    if dataset.PhotometricInterpretation == "MONOCHROME1":
        bits = 2**dataset.BitsStored
        ends = [-bits // 2, bits // 2 - 1] if dataset.PixelRepresentation else [0, bits - 1]
        values = apply_rescale(numpy.array(ends), dataset).astype("f8").sum() - values
    return values


def is_lossy(dataset):
    name = dataset.file_meta.TransferSyntaxUID.name
    return "JPEG Baseline" in name or "JPEG Extended" in name


def unlike(found, values, datasets):
    """How what rl4seg found differs from what pydicom finds in these planes, or nothing."""
    expected = numpy.stack([values_of(dataset) for dataset in datasets])
    read = numpy.frombuffer(values, "<f4").reshape(found["shape"])
    if expected.size != read.size:
        return f"shape {found['shape']}, not {expected.shape}"
    off = numpy.abs(read - expected.reshape(read.shape).astype("f4")).max()
    if off > (LOSSY if is_lossy(datasets[0]) else 1e-3 * max(1.0, numpy.abs(expected).max() / 1e4)):
        return f"values differ by {off}"
    spacing = datasets[0].get("PixelSpacing", datasets[0].get("ImagerPixelSpacing"))
    if spacing and not numpy.allclose(found["spacing_mm"], numpy.array(spacing, float), rtol=1e-9):
        return f"spacing {found['spacing_mm']}, not {spacing}"
    affine = numpy.array(found["affine"])
    for plane, dataset in enumerate(datasets):
        if "ImagePositionPatient" in dataset and "PixelSpacing" in dataset and dataset.get("NumberOfFrames", 1) == 1:
            row, column = numpy.split(numpy.array(dataset.ImageOrientationPatient, float), 2)
            for x, y in [(0, 0), (dataset.Columns - 1, 0), (0, dataset.Rows - 1)]:
                place = numpy.array(dataset.ImagePositionPatient, float) + row * spacing[1] * x + column * spacing[0] * y
                place[:2] *= -1
                if numpy.abs(affine[:, :3] @ [x, y, plane] + affine[:, 3] - place).max() > 1e-3:
                    return f"a voxel of plane {plane} lies elsewhere"
    return None


def read(program, path, values, told):
    """The images that rl4seg finds in a file or folder."""
    environment = {**os.environ, "AXIS": "time", **told}
    answer = subprocess.run([program, path, values], capture_output=True, text=True, env=environment)
    if answer.returncode != 0:
        return [{"crashed": answer.stderr.strip()[-200:]}]
    return [json.loads(line) for line in answer.stdout.splitlines()]


class Tally:
    """What came of all files."""

    def __init__(self, lists_all):
        self.lists_all = lists_all
        self.counts = {"the same": 0, "refused": 0, "refused by both": 0, "OTHERWISE": 0}

    def add(self, verdict, name, detail=""):
        self.counts[verdict] += 1
        if self.lists_all or verdict == "OTHERWISE":
            print(f"{verdict:15} {name}{': ' if detail else ''}{detail}")


def by_pydicom(path):
    """The data set with its pixels decoded, or why there are none."""
    try:
        dataset = pydicom.dcmread(path)
        dataset.pixel_array  # noqa: B018
        return dataset, None
    except Exception as error:  # pydicom raises nearly every kind
        return None, str(error).splitlines()[0]


def check_file(program, path, folder, tally):
    values = folder / "values"
    note = ""
    (found, *more) = read(program, path, values, {}) or [{"refused": "no image"}]
    missing = "missing" in found.get("refused", "") and "PixelSpacing" in found["refused"]
    if missing:
        note = "without a spacing, which is asked for"
        (found, *more) = read(program, path, values, {"SPACING": "1 1"})
    dataset, failure = by_pydicom(path)
    if "crashed" in found or more:
        tally.add("OTHERWISE", path.name, found.get("crashed", "several images"))
    elif "refused" in found:
        reason = found["refused"].replace(f"{path.parent}/", "").removeprefix(f"{path.name}: ")
        tally.add("refused by both" if failure else "refused", path.name, reason)
    elif failure:
        tally.add("OTHERWISE", path.name, f"read, but pydicom says: {failure}")
    else:
        different = unlike(found, pathlib.Path(f"{values}.0").read_bytes(), [dataset])
        if missing:
            different = different and (None if different.startswith("spacing") else different)
        tally.add("OTHERWISE" if different else "the same", path.name, different or note)


def check_medium(program, folder, tally):
    """The slices of a medium, which are put together to volumes."""
    root = pathlib.Path(pydicom.__file__).parent / "data" / "test_files" / "dicomdirtests"
    by_uid = {}
    for path in root.rglob("*"):
        if path.is_file() and path.name[0].isdigit():
            dataset = pydicom.dcmread(path)
            by_uid[dataset.SOPInstanceUID] = dataset
    for index, found in enumerate(read(program, root / "DICOMDIR", folder / "medium", {})):
        name = f"DICOMDIR, image {index + 1}"
        if "planes" not in found:
            tally.add("refused", name, found["refused"].replace(f"{root}/", ""))
            continue
        datasets = [by_uid[uid] for uid, _ in found["planes"]]
        different = unlike(found, (folder / f"medium.{index}").read_bytes(), datasets)
        tally.add("OTHERWISE" if different else "the same", name, different or f"{len(datasets)} planes")


def main():
    program, *flags = sys.argv[1:]
    tally = Tally("--table" in flags)
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for path in shipped():
            if path.name.startswith("DICOMDIR"):
                # A list of files, which `check_medium` follows.
                continue
            if path.suffix == ".gz":
                unpacked = folder / path.stem
                unpacked.write_bytes(gzip.decompress(path.read_bytes()))
                path = unpacked
            check_file(program, path, folder, tally)
        check_medium(program, folder, tally)
    counts = tally.counts
    print(
        f"{counts['the same']} read as pydicom reads them, {counts['refused by both']} refused by both, {counts['refused']} refused here "
        f"for a reason, {counts['OTHERWISE']} otherwise"
    )
    return 1 if counts["OTHERWISE"] else 0


if __name__ == "__main__":
    sys.exit(main())
