#!/usr/bin/env python3
"""Times how long rl4seg, nibabel and pydicom take to read the same files, side by side.

Usage: time_reading.py READ_IMAGE

READ_IMAGE is target/release/read-image (`cargo build --release --workspace --bins`). The files are a NIfTI volume of 512 x 512 x 200
voxels, 16 bits, gzip, and a cine of 100 JPEG frames of 600 x 800, made here. Each is read five times by each program, in turn; a
program's start is part of its time, Python's is not. Prints the medians and their ratio.
"""

import io
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import nibabel
import numpy
import pydicom
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import JPEGBaseline8Bit, UltrasoundMultiFrameImageStorage

ROUNDS = 5


def volume(path):
    random = numpy.random.default_rng(0)
    values = numpy.cumsum(random.integers(-3, 4, (512, 512, 200)), axis=0).astype("i2")
    nibabel.save(nibabel.Nifti1Image(values, numpy.eye(4)), path)


def cine(path):
    random = numpy.random.default_rng(0)
    y, x = numpy.mgrid[:600, :800]
    bright = 90 * numpy.exp(-((y - 300) ** 2 + (x - 400) ** 2) / 4e4)
    frames = []
    for _ in range(100):
        gray = numpy.clip(bright * random.rayleigh(1, (600, 800)), 0, 255).astype("u1")
        frame = io.BytesIO()
        Image.fromarray(numpy.stack([gray] * 3, -1)).save(frame, "JPEG", quality=90, subsampling=1)
        frames.append(frame.getvalue())
    dataset, meta = Dataset(), FileMetaDataset()
    meta.TransferSyntaxUID = JPEGBaseline8Bit
    meta.MediaStorageSOPClassUID = dataset.SOPClassUID = UltrasoundMultiFrameImageStorage
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID = "1.2.3"
    dataset.file_meta = meta
    dataset.Modality, dataset.FrameTime, dataset.PixelSpacing = "US", "20", [0.3, 0.3]
    dataset.Rows, dataset.Columns, dataset.NumberOfFrames, dataset.SamplesPerPixel = 600, 800, 100, 3
    dataset.PhotometricInterpretation, dataset.PlanarConfiguration, dataset.PixelRepresentation = "YBR_FULL_422", 0, 0
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 8, 8, 7
    dataset.PixelData = encapsulate(frames)
    dataset["PixelData"].is_undefined_length = True
    dataset.save_as(path, enforce_file_format=True)


def seconds(work):
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main():
    program = sys.argv[1]
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for name, make, other, read in [
            ("volume.nii.gz", volume, "nibabel", lambda path: numpy.asarray(nibabel.load(path).dataobj, "f4")),
            ("cine.dcm", cine, "pydicom", lambda path: pydicom.dcmread(path).pixel_array),
        ]:
            path = folder / name
            make(path)
            command = ["env", "AXIS=depth", program, path, "-"]
            ours, theirs = [], []
            for _ in range(ROUNDS):
                ours.append(seconds(lambda: subprocess.run(command, check=True, capture_output=True)))
                theirs.append(seconds(lambda: read(path)))
            ours, theirs = statistics.median(ours), statistics.median(theirs)
            print(f"{name}: rl4seg {ours:.2f} s, {other} {theirs:.2f} s, {theirs / ours:.2f} times as long")


if __name__ == "__main__":
    main()
