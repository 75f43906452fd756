#!/usr/bin/env python3
"""Has highdicom, pydicom and dciodvfy read the DICOM segmentations and parametric maps that rl4seg writes, and rl4seg those of highdicom.

Usage: compare_with_highdicom.py WRITE_DICOM READ_LABELS [--write]

WRITE_DICOM and READ_LABELS are target/debug/write-dicom and read-labels, which `cargo test --workspace --no-run` builds. Images are those that pydicom ships, and
some that are made of them: series in order and not, oblique, without a frame of reference, with names in other letters; volumes and cines
of several frames. A segmentation is read by the planes that it was made from and, where they have places, as a volume, whose voxels must lie
where the image's do. rl4seg reads back what it wrote, and what highdicom writes for the same labels: of every type, with empty
frames and without, packed or not; what leaves planes out is read on its image, and refused without it. Needs highdicom, pydicom and NumPy; where Debian's
dicom3tools are there, dciodvfy must find no error. Fails if anything reads otherwise than it was written.
"""

import json
import os
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
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, JPEG2000Lossless, JPEGLSLossless, RLELossless, SegmentationStorage
from verdicts import Verdicts, arguments, reason, read, shipped

warnings.simplefilter("ignore")


def oblique():
    """Directions of rows and columns, and the normal."""
    turn, tilt = 0.3, 0.2
    row = numpy.array([numpy.cos(turn), numpy.sin(turn), 0])
    column = numpy.array([-numpy.sin(turn) * numpy.cos(tilt), numpy.cos(turn) * numpy.cos(tilt), numpy.sin(tilt)])
    return row, column, numpy.cross(row, column)


STRAIGHT = (numpy.array([1.0, 0, 0]), numpy.array([0, 1.0, 0]), numpy.array([0, 0, 1.0]))
SAGITTAL = (numpy.array([0, 1.0, 0]), numpy.array([0, 0, -1.0]), numpy.array([-1.0, 0, 0]))


def series(folder, name, directions, order, change=lambda slice_: None, target="series"):
    """A series of slices 2.5 mm apart, written in this order."""
    row, column, normal = directions
    target = folder / f"{target}-{name}"
    target.mkdir()
    for index, place in enumerate(order):
        slice_ = pydicom.dcmread(get_testdata_file(name))
        slice_.ImageOrientationPatient = [f"{value:.8f}" for value in [*row, *column]]
        slice_.ImagePositionPatient = [f"{value:.6f}" for value in normal * 2.5 * place + [10, -20, 30]]
        slice_.SOPInstanceUID = f"{slice_.SOPInstanceUID}.{place}"
        slice_.file_meta.MediaStorageSOPInstanceUID = slice_.SOPInstanceUID
        slice_.InstanceNumber = place + 1
        change(slice_)
        slice_.save_as(target / f"IM{index}")
    return target, len(order)


def without_frame_of_reference(slice_):
    """Places, but not the name of what they are in."""
    del slice_.FrameOfReferenceUID


def named(character_set, name):
    """Another patient."""

    def change(slice_):
        slice_.SpecificCharacterSet = character_set
        slice_.PatientName = name

    return change


def frames(folder, name, heights):
    """An image of several frames, whose planes lie at these heights, 40 ms apart."""
    source = pydicom.dcmread(get_testdata_file("MR_small.dcm"))
    # Enhanced MR: its class alone tells that it may have several frames.
    source.SOPClassUID = source.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.4.1"
    source.NumberOfFrames = len(heights)
    source.PixelData = source.PixelData * len(heights)
    source.FrameTime = 40
    for keyword in ["ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "SliceThickness", "SliceLocation"]:
        del source[keyword]
    shared, measures, orientation = (pydicom.Dataset() for _ in range(3))
    measures.PixelSpacing = [1.5, 0.75]
    measures.SliceThickness = 8
    orientation.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    shared.PixelMeasuresSequence = [measures]
    shared.PlaneOrientationSequence = [orientation]
    source.SharedFunctionalGroupsSequence = [shared]
    source.PerFrameFunctionalGroupsSequence = []
    for height in heights:
        frame, place = pydicom.Dataset(), pydicom.Dataset()
        place.ImagePositionPatient = [1, 2, height]
        frame.PlanePositionSequence = [place]
        source.PerFrameFunctionalGroupsSequence.append(frame)
    source.save_as(folder / name)
    return folder / name, len(heights)


def images(folder):
    """Images, and how many planes they have."""
    yield series(folder, "CT_small.dcm", STRAIGHT, [2, 0, 1, 3])
    yield series(folder, "MR_small.dcm", oblique(), [0, 3, 1, 2])
    yield series(folder, "MR_small.dcm", SAGITTAL, [4, 0, 3, 1, 2], target="sagittal")
    yield series(folder, "CT_small.dcm", STRAIGHT, [0, 1, 2], without_frame_of_reference, "without-frame")
    yield series(folder, "CT_small.dcm", STRAIGHT, [0, 1], named("ISO_IR 100", "Müller^Jörg"), "latin")
    yield series(folder, "CT_small.dcm", STRAIGHT, [0, 1], named(["", "ISO 2022 IR 87"], "Yamada^Tarou=山田^太郎"), "japanese")
    yield frames(folder, "volume.dcm", [3, 7, 11, 15])
    yield frames(folder, "cine.dcm", [3, 3, 3])
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
    if not numpy.array_equal(by_source(segmentation, sources), labels):
        return "other labels by the planes that they were made from"
    return None


def by_source(segmentation, sources):
    """The labels of these instances, or of these frames of one instance."""
    options = {"combine_segments": True, "assert_missing_frames_are_empty": True}
    if sources[0][1] is None:
        return segmentation.get_pixels_by_source_instance([instance for instance, _ in sources], **options)
    return segmentation.get_pixels_by_source_frame(sources[0][0], [frame for _, frame in sources], **options)


def check_volume(path, labels, places):
    """How highdicom places voxels otherwise than the image does, or nothing; `places` gives the affine of each plane, from (x, y)."""
    volume = highdicom.seg.segread(path).get_volume(combine_segments=True, allow_missing_positions=True)
    planes, rows, columns = numpy.nonzero(labels)
    if len(planes) == 0:
        return None if not volume.array.any() else "a volume of other labels"
    at = numpy.array([places[plane] @ [x, y, 1] for plane, y, x in zip(planes, rows, columns)])
    index = (numpy.c_[at, numpy.ones(len(at))] @ numpy.linalg.inv(volume.affine).T)[:, :3]
    whole = numpy.rint(index).astype(int)
    if numpy.abs(index - whole).max() > 1e-3:
        return "voxels between those of the image"
    found = volume.array[tuple(whole.T)]
    same = numpy.array_equal(found, labels[planes, rows, columns]) and numpy.count_nonzero(volume.array) == len(planes)
    return None if same else "a volume of other labels"


def places_of(image):
    """The affine of each plane from (x, y) to its place, in the order of rl4seg; nothing where planes have no places, or all one."""

    def affine(orientation, position, spacing):
        row, column = numpy.split(numpy.array(orientation, float), 2)
        return numpy.c_[row * float(spacing[1]), column * float(spacing[0]), numpy.array(position, float)]

    if image.is_dir():
        slices = in_order(image)
        return [affine(one.ImageOrientationPatient, one.ImagePositionPatient, one.PixelSpacing) for one in slices]
    first = pydicom.dcmread(image)
    if "PerFrameFunctionalGroupsSequence" not in first:
        return [affine(first.ImageOrientationPatient, first.ImagePositionPatient, first.PixelSpacing)] if "ImagePositionPatient" in first else None
    shared = first.SharedFunctionalGroupsSequence[0]
    positions = [frame.PlanePositionSequence[0].ImagePositionPatient for frame in first.PerFrameFunctionalGroupsSequence]
    if all(position == positions[0] for position in positions):
        return None
    orientation, spacing = shared.PlaneOrientationSequence[0].ImageOrientationPatient, shared.PixelMeasuresSequence[0].PixelSpacing
    return [affine(orientation, position, spacing) for position in positions]


def in_order(folder):
    """Slices along their normal."""
    slices = [pydicom.dcmread(file) for file in folder.iterdir()]
    row, column = numpy.split(numpy.array(slices[0].ImageOrientationPatient, float), 2)
    return sorted(slices, key=lambda slice_: numpy.dot(numpy.cross(row, column), numpy.array(slice_.ImagePositionPatient, float)))


def read_labels(reader, path, folder, image=None):
    """What rl4seg tells of a label map, and its labels."""
    values = folder / "read"
    values.unlink(missing_ok=True)
    # What a segmentation without places does not tell.
    spacing = {"SPACING": "0.5 0.5"} if image is None and "Pixel Spacing" not in str(pydicom.dcmread(path, stop_before_pixels=True)) else {}
    arguments = [reader, path, values, *([image] if image else [])]
    out = subprocess.run(arguments, check=True, capture_output=True, text=True, env={**os.environ, **spacing}).stdout
    return json.loads(out), numpy.fromfile(values, "u1") if values.exists() else None


def check_read(reader, path, labels, places, folder, image=None):
    """How rl4seg reads another label map than was written, or nothing."""
    told, found = read_labels(reader, path, folder, image)
    if "refused" in told:
        return told["refused"]
    if told["shape"] != list(labels.shape) or not numpy.array_equal(found, labels.ravel()):
        return f"other labels, {told['shape']}"
    for plane, place in enumerate(places or []):
        affine = numpy.array(told["affine"])
        # x and y run the other way in DICOM.
        found = affine[:, [0, 1, 3]] + numpy.outer(affine[:, 2], [0, 0, plane])
        if numpy.abs(found - place * [[-1], [-1], [1]]).max() > 1e-4:
            return f"plane {plane} elsewhere"
    return None


def of_highdicom(image, labels, kind, **options):
    """A segmentation of a series by highdicom."""
    code = highdicom.sr.CodedConcept("85756007", "SCT", "Tissue")
    named = enumerate(["left ventricle", "something else"], start=1)
    segments = [highdicom.seg.SegmentDescription(number, name, code, code, "MANUAL") for number, name in named]
    new = highdicom.UID
    return highdicom.seg.Segmentation(
        in_order(image), labels, kind, segments, new(), 1, new(), 1, "rl4seg", "rl4seg", "1", "none", **options
    )


def segmentations(image, labels):
    """Segmentations of a series by highdicom, and whether they have a frame for each plane."""
    whole = bool(labels.reshape(len(labels), -1).any(axis=1).all())
    for kind, syntaxes in [
        ("BINARY", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, JPEG2000Lossless]),
        ("LABELMAP", [ExplicitVRLittleEndian, RLELossless, JPEG2000Lossless, JPEGLSLossless]),
        ("FRACTIONAL", [ExplicitVRLittleEndian, RLELossless]),
    ]:
        for syntax in syntaxes:
            for omit in [False, True]:
                name = f"{kind}, {syntax.name}, {'without' if omit else 'with'} empty frames"
                made = of_highdicom(image, labels, kind, transfer_syntax_uid=syntax, omit_empty_frames=omit)
                yield name, made, whole or not omit


def check_foreign(reader, image, planes, kind, folder):
    """How rl4seg reads segmentations by highdicom, a sentence for each that it reads otherwise, and how many there are."""
    first = pydicom.dcmread(next(image.iterdir()))
    labels = labels_of((planes, first.Rows, first.Columns), kind)
    places, path = places_of(image), folder / "foreign.dcm"
    wrong, count = [], 0
    for name, made, is_whole in segmentations(image, labels):
        made.save_as(path)
        count += 1
        alone = check_read(reader, path, labels, places, folder)
        if not is_whole:
            alone = None if "it leaves planes out" in str(alone) else f"planes left out, but {alone}"
        on = check_read(reader, path, labels, places, folder, image)
        wrong += [f"{name}: {sentence}" for sentence in [alone, on] if sentence]
    return wrong, count


def is_taken_by_highdicom(first):
    """Whether highdicom makes segmentations of such an image: it wants a frame of reference, and knows no list of characters that begins with the default."""
    return "FrameOfReferenceUID" in first and "" not in list(numpy.atleast_1d(first.get("SpecificCharacterSet", "ISO_IR 6")))


def check_copied(path, first):
    """What is not the image's, or nothing."""
    written = pydicom.dcmread(path)
    for keyword in ["PatientName", "PatientID", "StudyInstanceUID", "StudyDate", "TimezoneOffsetFromUTC", "PatientIdentityRemoved"]:
        if str(written.get(keyword) or "") != str(first.get(keyword) or ""):
            return f"{keyword} {written.get(keyword)!r}, not {first.get(keyword)!r}"
    indices = [tuple(numpy.atleast_1d(frame.FrameContentSequence[0].DimensionIndexValues)) for frame in written.PerFrameFunctionalGroupsSequence]
    return None if len(set(indices)) == len(indices) else "frames that dimensions do not tell apart"


def planes_of(image):
    """Instance and frame of each plane, in the order of rl4seg."""
    if image.is_dir():
        return [(slice_.SOPInstanceUID, None) for slice_ in in_order(image)]
    dataset = pydicom.dcmread(image)
    frames = dataset.get("NumberOfFrames", 1)
    return [(dataset.SOPInstanceUID, frame + 1 if frames > 1 else None) for frame in range(frames)]


def check(program, reader, image, planes, kind, folder):
    """What is wrong with what is written for an image, a sentence each."""
    first = pydicom.dcmread(next(image.iterdir()) if image.is_dir() else image)
    labels = labels_of((planes, first.Rows, first.Columns), kind)
    (folder / "labels").write_bytes(labels.tobytes())
    out = folder / "out"
    told = subprocess.run([program, image, folder / "labels", out], check=True, capture_output=True, text=True).stdout
    segmentation, map_ = pathlib.Path(f"{out}.seg.dcm"), pathlib.Path(f"{out}.map.dcm")
    wrong = [f"segmentation: {error}" for error in errors_of(segmentation)]
    unlike = [check_segmentation(segmentation, labels, planes_of(image)), check_copied(segmentation, first)]
    places = places_of(image)
    unlike += [check_read(reader, segmentation, labels, places, folder, on) for on in [None, image]]
    if places:
        unlike.append(check_volume(segmentation, labels, places))
    wrong += filter(None, unlike)
    if "ImagePositionPatient" not in first and "PerFrameFunctionalGroupsSequence" not in first:
        # The standard has no parametric map without places of planes.
        return wrong if "must say where each plane lies" in told else [*wrong, "parametric map: not refused"]
    wrong += [f"parametric map: {error}" for error in errors_of(map_)]
    values = pydicom.dcmread(map_).pixel_array.reshape(labels.shape)
    if not numpy.array_equal(values, labels / numpy.float32(4)):
        wrong.append("parametric map: other values")
    if planes > 1 and places:
        # From the lowest plane up or down, as highdicom has its planes right-handed.
        volume = highdicom.imread(map_).get_volume().array
        if not any(numpy.array_equal(order, labels / 4) for order in [volume, volume[::-1]]):
            wrong.append("parametric map: a volume of other values")
    unlike = check_copied(map_, first)
    return [*wrong, f"parametric map: {unlike}"] if unlike else wrong


def shipped_label_maps():
    """Name and path of the segmentations that come with pydicom, and of all that comes with highdicom."""
    for name, path in shipped(pydicom, "data"):
        try:
            is_segmentation = pydicom.dcmread(path, specific_tags=["SOPClassUID"]).get("SOPClassUID") == SegmentationStorage
        except Exception:  # pydicom raises nearly every kind
            is_segmentation = False
        if is_segmentation:
            yield name, path
    yield from shipped(highdicom, "_icc_profiles", "_standard")


def verdict_of(reader, path, folder):
    """What became of a file that was read as a label map, and why."""
    (told,) = read(reader, path, folder / "read", {})
    try:
        expected, failure = highdicom.seg.segread(path).get_volume(combine_segments=True, allow_missing_positions=True).array, None
    except Exception as error:  # highdicom raises nearly every kind
        expected, failure = None, str(error)
    if "refused" in told:
        return "refused by both" if failure else "refused", [], reason(told["refused"], path)
    if "crashed" in told or failure:
        return "OTHERWISE", [], told.get("crashed") or f"read, but highdicom says: {failure}"
    found = numpy.fromfile(folder / "read", "u1").reshape(told["shape"])
    # From the lowest plane up or down.
    is_same = any(numpy.array_equal(found, order) for order in [expected, expected[::-1]])
    return ("same", [], "") if is_same else ("OTHERWISE", [], "other labels")


def main():
    (program, reader), rewrite = arguments()
    verdicts = Verdicts(__file__)
    count = bad = foreign = foreign_bad = 0
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for image, planes in images(folder):
            for kind in ["both", "voxel", "nothing"]:
                wrong = check(program, reader, image, planes, kind, folder)
                count += 1
                bad += bool(wrong)
                for sentence in wrong:
                    print(f"OTHERWISE  {image.name}, {kind}: {sentence}")
                if image.is_dir() and kind != "nothing" and is_taken_by_highdicom(pydicom.dcmread(next(image.iterdir()))):
                    wrong, made = check_foreign(reader, image, planes, kind, folder)
                    foreign, foreign_bad = foreign + made, foreign_bad + len(wrong)
                    for sentence in wrong:
                        print(f"OTHERWISE  {image.name}, {kind}, by highdicom: {sentence}")
        for name, path in shipped_label_maps():
            verdicts.add(name, *verdict_of(reader, path, folder))
    checked = "dciodvfy" if shutil.which("dciodvfy") else "(no dciodvfy here)"
    print(f"{count - bad} of {count} segmentations and parametric maps read as they were written, by highdicom, pydicom and {checked}")
    print(f"{foreign - foreign_bad} of {foreign} segmentations by highdicom read as they were written, by rl4seg")
    differing, otherwise = verdicts.settle(rewrite), verdicts.count("OTHERWISE")
    print(f"read as label maps, pydicom's and highdicom's {verdicts.summary()}")
    return 1 if bad or foreign_bad or otherwise or differing else 0


if __name__ == "__main__":
    sys.exit(main())
