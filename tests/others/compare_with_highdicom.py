#!/usr/bin/env python3
"""Has highdicom, pydicom and dciodvfy read the DICOM segmentations and parametric maps that rl4seg writes.

Usage: compare_with_highdicom.py WRITE_DICOM

WRITE_DICOM is target/debug/write-dicom, which `cargo test --workspace --no-run` builds. Images are those that pydicom ships, and
series that are made of them: in order and not, oblique. Needs highdicom, pydicom and NumPy; where Debian's dicom3tools are there, dciodvfy
must find no error. Fails if anything reads otherwise than it was written.
"""

import pathlib
import shutil
import subprocess
import sys
import tempfile
import warnings

import highdicom
import numpy
import pydicom
from pydicom.data import get_testdata_file

warnings.simplefilter("ignore")


def oblique():
    """Directions of rows and columns, and the normal."""
    turn, tilt = 0.3, 0.2
    row = numpy.array([numpy.cos(turn), numpy.sin(turn), 0])
    column = numpy.array([-numpy.sin(turn) * numpy.cos(tilt), numpy.cos(turn) * numpy.cos(tilt), numpy.sin(tilt)])
    return row, column, numpy.cross(row, column)


def series(folder, name, directions, order):
    """A series of slices 2.5 mm apart, written in this order."""
    row, column, normal = directions
    target = folder / name
    target.mkdir()
    for index, place in enumerate(order):
        slice_ = pydicom.dcmread(get_testdata_file(name))
        slice_.ImageOrientationPatient = [f"{value:.8f}" for value in [*row, *column]]
        slice_.ImagePositionPatient = [f"{value:.6f}" for value in normal * 2.5 * place + [10, -20, 30]]
        slice_.SOPInstanceUID = f"{slice_.SOPInstanceUID}.{place}"
        slice_.file_meta.MediaStorageSOPInstanceUID = slice_.SOPInstanceUID
        slice_.InstanceNumber = place + 1
        slice_.save_as(target / f"IM{index}")
    return target, len(order)


def images(folder):
    """Images, and how many planes they have."""
    straight = (numpy.array([1.0, 0, 0]), numpy.array([0, 1.0, 0]), numpy.array([0, 0, 1.0]))
    yield series(folder, "CT_small.dcm", straight, [2, 0, 1, 3])
    yield series(folder, "MR_small.dcm", oblique(), [0, 3, 1, 2])
    for name, planes in [("CT_small.dcm", 1), ("MR_small_RLE.dcm", 1), ("693_J2KI.dcm", 1), ("examples_palette.dcm", 1), ("examples_ybr_color.dcm", 30)]:
        yield pathlib.Path(get_testdata_file(name)), planes


def labels_of(shape, kind):
    """Label maps: two structures, one of them not in each plane; one voxel; nothing."""
    planes, rows, columns = shape
    labels = numpy.zeros(shape, "u1")
    if kind == "both":
        labels[:, rows // 4 : rows // 2, 3:-5] = 1
        labels[::2, rows // 2 :, columns // 3 :] = 2
    elif kind == "voxel":
        labels[-1, -1, -1] = 2
    return labels


def errors_of(path):
    """What dciodvfy holds to be wrong."""
    if not shutil.which("dciodvfy"):
        return []
    out = subprocess.run(["dciodvfy", "-new", path], capture_output=True, text=True)
    return [line for line in (out.stdout + out.stderr).splitlines() if line.startswith("Error")]


def check_segmentation(path, labels, sources):
    """How highdicom reads another segmentation than was written, or nothing."""
    segmentation = highdicom.seg.segread(path)
    found = numpy.zeros_like(labels)
    for number, groups in enumerate(segmentation.PerFrameFunctionalGroupsSequence):
        segment = groups.SegmentIdentificationSequence[0].ReferencedSegmentNumber
        source = groups.DerivationImageSequence[0].SourceImageSequence[0]
        plane = sources.index((source.ReferencedSOPInstanceUID, source.get("ReferencedFrameNumber")))
        pixels = segmentation.pixel_array if segmentation.NumberOfFrames > 1 else segmentation.pixel_array[None]
        found[plane][pixels[number] > 0] = segment
    if not numpy.array_equal(found, labels):
        return "other labels"
    names = [segmentation.get_segment_description(number).segment_label for number in segmentation.segment_numbers]
    if names != ["left ventricle", "something else"]:
        return f"segments {names}"
    if "FrameOfReferenceUID" in segmentation and len(labels) > 1 and segmentation.get("ImageOrientationPatient", True):
        if labels.any() and not numpy.isin(segmentation.get_volume(combine_segments=True, allow_missing_positions=True).array, [0, 1, 2]).all():
            return "a volume of other labels"
    return None


def planes_of(image):
    """Instance and frame of each plane, in the order of rl4seg."""
    if image.is_dir():
        slices = [pydicom.dcmread(file) for file in image.iterdir()]
        row, column = numpy.split(numpy.array(slices[0].ImageOrientationPatient, float), 2)
        slices.sort(key=lambda slice_: numpy.dot(numpy.cross(row, column), numpy.array(slice_.ImagePositionPatient, float)))
        return [(slice_.SOPInstanceUID, None) for slice_ in slices]
    dataset = pydicom.dcmread(image)
    frames = dataset.get("NumberOfFrames", 1)
    return [(dataset.SOPInstanceUID, frame + 1 if frames > 1 else None) for frame in range(frames)]


def check(program, image, planes, kind, folder):
    """What is wrong with what is written for an image, a sentence each."""
    first = pydicom.dcmread(next(image.iterdir()) if image.is_dir() else image)
    labels = labels_of((planes, first.Rows, first.Columns), kind)
    (folder / "labels").write_bytes(labels.tobytes())
    out = folder / "out"
    told = subprocess.run([program, image, folder / "labels", out], check=True, capture_output=True, text=True).stdout
    segmentation, map_ = pathlib.Path(f"{out}.seg.dcm"), pathlib.Path(f"{out}.map.dcm")
    wrong = [f"segmentation: {error}" for error in errors_of(segmentation)]
    unlike = check_segmentation(segmentation, labels, planes_of(image))
    wrong += [unlike] if unlike else []
    if "ImagePositionPatient" not in first:
        # The standard has no parametric map without places of planes.
        return wrong if "must say where each plane lies" in told else [*wrong, "parametric map: not refused"]
    wrong += [f"parametric map: {error}" for error in errors_of(map_)]
    values = pydicom.dcmread(map_).pixel_array.reshape(labels.shape)
    if not numpy.array_equal(values, labels / numpy.float32(4)):
        wrong.append("parametric map: other values")
    return wrong


def main():
    program = sys.argv[1]
    count = bad = 0
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for image, planes in images(folder):
            for kind in ["both", "voxel", "nothing"]:
                wrong = check(program, image, planes, kind, folder)
                count += 1
                bad += bool(wrong)
                for sentence in wrong:
                    print(f"OTHERWISE  {image.name}, {kind}: {sentence}")
    checked = "dciodvfy" if shutil.which("dciodvfy") else "(no dciodvfy here)"
    print(f"{count - bad} of {count} segmentations and parametric maps read as they were written, by highdicom, pydicom and {checked}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
