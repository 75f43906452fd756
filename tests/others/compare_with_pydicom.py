#!/usr/bin/env python3
"""Compares what rl4seg and pydicom read of the DICOM files that pydicom and nibabel ship for their own tests.

Usage: compare_with_pydicom.py READ_IMAGE [--write]

READ_IMAGE is target/debug/read-image, which `cargo test --workspace --no-run` builds. Each file is read by itself, and what its DICOMDIRs
list as a medium. A file that leaves its spacing or its third axis open is refused for that, then read with one given by hand, so that its
values are compared too; one that is packed with gzip is unpacked. Compared are shape, every value (after rescaling, MONOCHROME1 turned
round, luminance of colours), spacing (of ultrasound that of its regions), the time between frames, affine and the order of slices. Values
that were packed with losses may differ by two. Needs pydicom, nibabel, NumPy, and for compressed files pylibjpeg with its plugins and
pyjpegls. Fails if a file is read otherwise than by pydicom, or if what became of one is not what docs/formats.md lists, which --write
writes anew.
"""

import copy
import logging
import pathlib
import sys
import tempfile
import warnings

import nibabel
import numpy
import pydicom
from pydicom.data import get_testdata_file
from pydicom.pixels import apply_color_lut, apply_rescale
from verdicts import Verdicts, arguments, read, read_as_asked, reason, shipped, unpacked

warnings.simplefilter("ignore")
logging.disable(logging.CRITICAL)

LOSSY = 2.0
CENTIMETRES, PLANE, TISSUE, COLOR_FLOW = 3, 1, 1, 2


def files():
    """Name and path of the files that come with pydicom, and of the DICOM files of nibabel."""
    yield from shipped(pydicom, "data")
    yield from shipped(nibabel, "nicom/tests/data")
    yield from ((name, path) for name, path in shipped(nibabel, "tests/data") if path.suffix == ".dcm")


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


def spacings_of_regions(dataset):
    """Of each two-dimensional region of tissue or colour flow of ultrasound: mm between rows, and between columns."""
    for region in dataset.get("SequenceOfUltrasoundRegions", []):
        shows_tissue = region.RegionSpatialFormat == PLANE and region.RegionDataType in (TISSUE, COLOR_FLOW)
        if shows_tissue and region.PhysicalUnitsXDirection == region.PhysicalUnitsYDirection == CENTIMETRES:
            yield [abs(float(region.PhysicalDeltaY)) * 10, abs(float(region.PhysicalDeltaX)) * 10]


def interval_ms(dataset):
    """Time between the frames of a cine, where it has several and tells it."""
    if dataset.get("NumberOfFrames", 1) == 1:
        return None
    if dataset.get("FrameTime"):
        return float(dataset.FrameTime)
    if dataset.get("FrameTimeVector"):
        # The first frame follows none.
        return numpy.array(dataset.FrameTimeVector, float)[1:].mean()
    return 1000 / dataset.CineRate if dataset.get("CineRate") else None


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
    for told in [spacing, *spacings_of_regions(datasets[0])]:
        if told and not numpy.allclose(found["spacing_mm"], numpy.array(told, float), rtol=1e-9):
            return f"spacing {found['spacing_mm']}, not {told}"
    interval = interval_ms(datasets[0])
    if interval is not None and not numpy.isclose(found["slow"].get("time_ms", numpy.nan), interval, rtol=1e-9):
        return f"third axis {found['slow']}, not {interval} ms between frames"
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


def by_pydicom(path):
    """The data set with its pixels decoded, or why there are none."""
    try:
        dataset = pydicom.dcmread(path)
        dataset.pixel_array  # noqa: B018
        return dataset, None
    except Exception as error:  # pydicom raises nearly every kind
        return None, str(error).splitlines()[0]


def verdict_of(program, path, folder):
    """What became of a file, what was told by hand, and why."""
    values = folder / "values"
    (found, *more), settings = read_as_asked(program, path, values, "time")
    dataset, failure = by_pydicom(path)
    if "refused" in found:
        return "refused by both" if failure else "refused", settings, reason(found["refused"], path)
    if "crashed" in found or more or failure:
        return "OTHERWISE", settings, found.get("crashed") or (f"read, but pydicom says: {failure}" if failure else "several images")
    different = unlike(found, pathlib.Path(f"{values}.0").read_bytes(), [dataset])
    return "OTHERWISE" if different else "same", settings, different or ""


def verdict_of_packed(program, path, folder):
    """As `verdict_of`; what is packed with gzip is refused, then unpacked."""
    verdict, settings, why = verdict_of(program, path, folder)
    inner = unpacked(path, folder) if verdict == "refused by both" else None
    if inner is None:
        return verdict, settings, why
    verdict, settings, why = verdict_of(program, inner, folder)
    return verdict, ["unpacked", *settings], why


def cines(folder):
    """Cines of ultrasound with other spacings and times than those that are shipped, where x and y are alike; a change each."""

    def region_of(dataset):
        return dataset.SequenceOfUltrasoundRegions[0]

    def taller_than_wide(dataset):
        region_of(dataset).PhysicalDeltaX, region_of(dataset).PhysicalDeltaY = 0.03125, 0.0625

    def upwards(dataset):
        taller_than_wide(dataset)
        region_of(dataset).PhysicalDeltaY *= -1

    def with_color_flow(dataset):
        taller_than_wide(dataset)
        flow = copy.deepcopy(region_of(dataset))
        flow.RegionDataType = COLOR_FLOW
        dataset.SequenceOfUltrasoundRegions.append(flow)

    def with_a_spectrum_first(dataset):
        taller_than_wide(dataset)
        spectrum = copy.deepcopy(region_of(dataset))
        spectrum.RegionSpatialFormat, spectrum.RegionDataType, spectrum.PhysicalUnitsXDirection = 3, 3, 4
        spectrum.PhysicalDeltaX = spectrum.PhysicalDeltaY = 0.5
        dataset.SequenceOfUltrasoundRegions.insert(0, spectrum)

    def with_pixel_spacing(dataset):
        taller_than_wide(dataset)
        dataset.PixelSpacing = [0.625, 0.3125]

    def with_times(dataset):
        del dataset.FrameTime
        dataset.FrameTimeVector = [0] + [21.5] * (dataset.NumberOfFrames - 1)

    def with_a_rate(dataset):
        del dataset.FrameTime
        dataset.CineRate = 40

    for change in [taller_than_wide, upwards, with_color_flow, with_a_spectrum_first, with_pixel_spacing, with_times, with_a_rate]:
        dataset = pydicom.dcmread(get_testdata_file("examples_ybr_color.dcm"))
        change(dataset)
        path = folder / f"cine_{change.__name__}.dcm"
        dataset.save_as(path)
        yield path


def listed_by(path):
    """The images that a DICOMDIR lists, by SOPInstanceUID."""
    records = [record for record in pydicom.dcmread(path).DirectoryRecordSequence if "ReferencedFileID" in record]
    datasets = [pydicom.dcmread(path.parent.joinpath(*record.ReferencedFileID)) for record in records]
    return {dataset.SOPInstanceUID: dataset for dataset in datasets if "PixelData" in dataset}


def verdict_of_medium(program, path, folder):
    """As `verdict_of`, of the slices of a medium, which are put together to volumes."""
    expected = listed_by(path)
    counts, whys = {"same": 0, "refused": 0, "OTHERWISE": 0}, []
    images = read(program, path, folder / "medium", {})
    for index, found in enumerate(images):
        if "planes" in found:
            datasets = [expected[uid] for uid, _ in found["planes"]]
            why = unlike(found, (folder / f"medium.{index}").read_bytes(), datasets)
            verdict = "OTHERWISE" if why else "same"
        else:
            verdict, why = "refused" if "refused" in found else "OTHERWISE", reason(found.get("refused") or found["crashed"], path)
        counts[verdict] += 1
        if why:
            whys.append(why if len(images) == 1 else f"image {index + 1}: {why}")
    if counts["OTHERWISE"] or len(images) == 1:
        verdict = "OTHERWISE" if counts["OTHERWISE"] else "same" if counts["same"] else "refused" if expected else "refused by both"
    else:
        verdict = f"{counts['same']} images the same, {counts['refused']} refused"
    return verdict, [], "; ".join(whys)


def main():
    (program,), rewrite = arguments()
    verdicts, media, made, wrong = Verdicts(__file__), {}, 0, 0
    with tempfile.TemporaryDirectory() as folder:
        for name, path in files():
            check = verdict_of_medium if path.name.startswith("DICOMDIR") else verdict_of_packed
            verdict, settings, why = check(program, path, pathlib.Path(folder))
            if " images " in verdict:
                # Several files list the same medium.
                first = media.setdefault(why, path.name)
                why = why if first == path.name else f"as of `{first}`"
            verdicts.add(name, verdict, settings, why)
        for path in cines(pathlib.Path(folder)):
            verdict, settings, why = verdict_of(program, path, pathlib.Path(folder))
            made, wrong = made + 1, wrong + (verdict != "same" or bool(settings))
            if verdict != "same" or settings:
                print(f"OTHERWISE  {path.name}: {verdict}, {settings}, {why}")
    differing, otherwise = verdicts.settle(rewrite), verdicts.count("OTHERWISE")
    print(f"pydicom's and nibabel's {verdicts.summary()}")
    print(f"{made - wrong} of {made} cines with other spacings and times read as pydicom reads them")
    return 1 if otherwise or differing or wrong else 0


if __name__ == "__main__":
    sys.exit(main())
