#!/usr/bin/env python3
"""Compares what rl4seg reads of DICOM images of 6 to 16 bits, packed in every way without losses, with what was packed.

Usage: compare_codecs.py READ_IMAGE

READ_IMAGE is target/debug/read-image, which `cargo test --workspace --no-run` builds. imagecodecs (libjpeg-turbo, liblj92, CharLS,
OpenJPEG, OpenJPH), zlib and pydicom pack images that are made here: unsigned and signed, grey and in colours, one frame and several, with
the smallest and the largest value side by side, noise, and areas of one value. Needs imagecodecs, pydicom with its plugins, and NumPy.
Prints what is refused or has other values, and what pydicom makes of the same file, and fails if anything is.
"""

import pathlib
import sys
import tempfile
import warnings
import zlib
from dataclasses import dataclass

import imagecodecs
import numpy
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset, validate_file_meta
from pydicom.encaps import encapsulate
from pydicom.uid import (
    CTImageStorage,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
    JPEG2000Lossless,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
    UltrasoundMultiFrameImageStorage,
)
from verdicts import read

warnings.simplefilter("ignore")

DEFLATED_FRAMES = "1.2.840.10008.1.2.8.1"
ROWS, COLUMNS = 37, 53
SPACING = [0.5, 0.25]
WEIGHTS = numpy.array([0.299, 0.587, 0.114])


@dataclass
class Kind:
    """A kind of pixels."""

    name: str
    bits: int
    is_signed: bool = False
    samples: int = 1
    frames: int = 1

    @property
    def allocated(self):
        return 8 if self.bits <= 8 else 16 if self.bits <= 16 else 32

    @property
    def dtype(self):
        return numpy.dtype(("i" if self.is_signed else "u") + str(self.allocated // 8))


KINDS = [
    Kind("6 bits", 6),
    Kind("8 bits", 8),
    Kind("10 bits", 10),
    Kind("12 bits", 12),
    Kind("16 bits", 16),
    Kind("12 bits signed", 12, is_signed=True),
    Kind("16 bits signed", 16, is_signed=True),
    Kind("12 bits, 3 frames", 12, frames=3),
    Kind("RGB of 8 bits", 8, samples=3),
    Kind("RGB of 8 bits, 3 frames", 8, samples=3, frames=3),
    Kind("RGB of 16 bits", 16, samples=3),
]


def pixels_of(kind):
    """Frames with what packing may stumble upon, `[frame, row, column]` and the samples of colours."""
    random = numpy.random.default_rng(kind.bits)
    top = 2**kind.bits - 1
    y, x = numpy.mgrid[:ROWS, :COLUMNS]
    planes = []
    for _ in range(kind.frames * kind.samples):
        plane = (y * top // ROWS + x * top // (2 * COLUMNS)) % (top + 1)
        plane[:12, :20] = random.integers(0, top + 1, (12, 20))
        plane[12:24, :20] = (y + x)[12:24, :20] % 2 * top
        # Half of the range from one pixel to the next: the largest difference that lossless JPEG knows.
        plane[24:, :20] = (y + x)[24:, :20] % 2 * (top // 2 + 1)
        plane[5:30, 25:45] = top // 3
        planes.append(plane)
    values = numpy.stack(planes).reshape(kind.frames, kind.samples, ROWS, COLUMNS)
    values = values - (top + 1) // 2 if kind.is_signed else values
    values = numpy.moveaxis(values, 1, -1).squeeze(-1 if kind.samples == 1 else ())
    return numpy.ascontiguousarray(values, kind.dtype)


def wrapped(kind, syntax, pixel_data, photometric=None):
    """A DICOM file of a kind of pixels."""
    dataset, meta = Dataset(), FileMetaDataset()
    storage = UltrasoundMultiFrameImageStorage if kind.frames > 1 else CTImageStorage
    meta.TransferSyntaxUID = syntax
    meta.MediaStorageSOPClassUID = dataset.SOPClassUID = storage
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID = "1.2.3"
    validate_file_meta(meta)
    dataset.file_meta, dataset.preamble = meta, bytes(128)
    dataset.Modality = "US" if kind.frames > 1 else "CT"
    dataset.Rows, dataset.Columns, dataset.SamplesPerPixel = ROWS, COLUMNS, kind.samples
    dataset.PixelSpacing = SPACING
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = kind.allocated, kind.bits, kind.bits - 1
    dataset.PixelRepresentation = int(kind.is_signed)
    dataset.PhotometricInterpretation = photometric or ("MONOCHROME2" if kind.samples == 1 else "RGB")
    if kind.samples > 1:
        dataset.PlanarConfiguration = 0
    if kind.frames > 1:
        dataset.NumberOfFrames, dataset.FrameTime = kind.frames, 25
    dataset.PixelData = pixel_data
    dataset["PixelData"].VR = "OB" if kind.allocated == 8 else "OW"
    return dataset


def encapsulated(kind, syntax, frames, photometric=None, fragments=1):
    dataset = wrapped(kind, syntax, encapsulate(list(frames), fragments_per_frame=fragments), photometric)
    dataset["PixelData"].VR, dataset["PixelData"].is_undefined_length = "OB", True
    return dataset


def unsigned(frame, kind):
    """The bits that are stored, which JPEG and JPEG-LS pack: both know no sign."""
    return (frame.astype("i8") & (2**kind.bits - 1)).astype(f"u{kind.allocated // 8}")


def allocated(frame, kind):
    """All bits, those above the ones that are stored too: where these are signed, the sign stands there."""
    return frame.view(f"u{kind.allocated // 8}")


def lossless_jpeg(kind, frames):
    """By libjpeg-turbo with every predictor, and by liblj92 with the sixth."""
    for predictor in range(1, 8):
        options = {"lossless": True, "predictor": predictor, "bitspersample": kind.bits}
        if kind.samples > 1:
            options |= {"colorspace": "RGB", "outcolorspace": "RGB"}
        packed = [imagecodecs.jpeg8_encode(unsigned(frame, kind), **options) for frame in frames]
        yield f"lossless JPEG, predictor {predictor}", encapsulated(kind, JPEGLossless, packed)
        if predictor == 1:
            yield "lossless JPEG, SV1", encapsulated(kind, JPEGLosslessSV1, packed)
            yield "lossless JPEG, SV1, in fragments", encapsulated(kind, JPEGLosslessSV1, packed, fragments=3)
    if kind.samples == 1:
        packed = [imagecodecs.ljpeg_encode(unsigned(frame, kind), bitspersample=kind.bits) for frame in frames]
        yield "lossless JPEG by liblj92", encapsulated(kind, JPEGLossless, packed)
        options = {"lossless": True, "predictor": 1, "bitspersample": kind.allocated}
        packed = [imagecodecs.jpeg8_encode(allocated(frame, kind), **options) for frame in frames]
        if kind.bits != kind.allocated:
            yield "lossless JPEG, SV1, depth as allocated", encapsulated(kind, JPEGLosslessSV1, packed)


def jpeg_ls(kind, frames):
    """By imagecodecs, which packs 10 and 12 bits as 16, and by pydicom, which does not."""
    packed = [imagecodecs.jpegls_encode(unsigned(frame, kind)) for frame in frames]
    yield "JPEG-LS", encapsulated(kind, JPEGLSLossless, packed)
    packed = [imagecodecs.jpegls_encode(allocated(frame, kind)) for frame in frames]
    yield "JPEG-LS, depth as allocated", encapsulated(kind, JPEGLSLossless, packed)
    yield "JPEG-LS by pydicom", by_pydicom(kind, frames, JPEGLSLossless)


def component_transform(stream):
    """Whether a codestream of JPEG 2000 says that its colours are transformed."""
    return stream[stream.index(b"\xff\x52") + 8] == 1


def of_jpeg_2000(kind, syntax, packed):
    transformed = "YBR_RCT" if component_transform(packed[0]) else None
    return encapsulated(kind, syntax, packed, transformed)


def jpeg_2000(kind, frames):
    """With several resolutions and one, as JP2, of the depth that is stored and of the one that is allocated; colours transformed or not."""
    whole = {"level": 0, "reversible": True, "codecformat": "J2K", "bitspersample": kind.bits}
    variants = {
        "JPEG 2000": whole,
        "JPEG 2000, one resolution": {**whole, "resolutions": 1},
        "JPEG 2000, JP2": {**whole, "codecformat": "JP2"},
        "JPEG 2000, depth as allocated": {**whole, "bitspersample": None},
        "JPEG 2000, colours not transformed": {**whole, "mct": False},
    }
    for name, options in variants.items():
        if options.get("mct", True) or kind.samples > 1:
            packed = [imagecodecs.jpeg2k_encode(frame, **options) for frame in frames]
            yield name, of_jpeg_2000(kind, JPEG2000Lossless, packed)
    yield "JPEG 2000 by pydicom", by_pydicom(kind, frames, JPEG2000Lossless)


def high_throughput_jpeg_2000(kind, frames):
    """Whole, in tiles, and in the progression that its second transfer syntax wants."""
    variants = {"HTJ2K": {}, "HTJ2K, tiles": {"tile": (16, 16)}, "HTJ2K, two resolutions": {"resolutions": 2}}
    for name, options in variants.items():
        packed = [imagecodecs.htj2k_encode(frame, reversible=True, **options) for frame in frames]
        yield name, of_jpeg_2000(kind, HTJ2KLossless, packed)
    packed = [imagecodecs.htj2k_encode(frame, reversible=True, tlm=True) for frame in frames]
    yield "HTJ2K, RPCL", of_jpeg_2000(kind, HTJ2KLosslessRPCL, packed)


def deflated(kind, frames):
    """Frame by frame, and the whole data set."""

    def packed(frame):
        deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
        return deflate.compress(frame.tobytes()) + deflate.flush()

    yield "deflated frames", encapsulated(kind, DEFLATED_FRAMES, [packed(frame) for frame in frames])
    yield "deflated data set", wrapped(kind, DeflatedExplicitVRLittleEndian, padded(frames))


def padded(frames):
    return frames.tobytes() + b"\0" * (frames.nbytes % 2)


def plain(kind, frames):
    """What others are compared with, and the planes of colours one after the other."""
    yield "plain", wrapped(kind, ExplicitVRLittleEndian, padded(frames))
    yield "plain, nothing above the bits that are stored", wrapped(kind, ExplicitVRLittleEndian, padded(unsigned(frames, kind)))
    if kind.samples > 1:
        by_plane = wrapped(kind, ExplicitVRLittleEndian, padded(numpy.moveaxis(frames, -1, 1)))
        by_plane.PlanarConfiguration = 1
        yield "plain, by plane", by_plane


def run_lengths(kind, frames):
    yield "RLE by pydicom", by_pydicom(kind, frames, RLELossless)


def by_pydicom(kind, frames, syntax):
    dataset = wrapped(kind, ExplicitVRLittleEndian, padded(frames))
    dataset.compress(syntax, generate_instance_uid=False)
    return dataset


def difference(program, dataset, kind, frames, folder):
    """How what rl4seg reads differs from what was packed, or nothing."""
    path = folder / "packed.dcm"
    # pydicom 3.0 does not know the transfer syntax of deflated frames.
    pydicom.dcmwrite(path, dataset, implicit_vr=False, little_endian=True, force_encoding=True)
    (found,) = read(program, path, folder / "values", {})
    if "refused" in found or "crashed" in found:
        return f"refused: {found['refused']}".replace(f"{path}: ", "") if "refused" in found else f"crashed: {found['crashed']}"
    if found["shape"] != [kind.frames, ROWS, COLUMNS] or found["spacing_mm"] != SPACING:
        return f"shape {found['shape']}, spacing {found['spacing_mm']}"
    values = numpy.fromfile(folder / "values.0", "<f4").reshape(found["shape"])
    # A sum of three products may be rounded otherwise.
    expected, tolerance = (frames @ WEIGHTS, 4e-7 * 2**kind.bits) if kind.samples > 1 else (frames, 0)
    off = numpy.abs(values - expected)
    if off.max() > tolerance:
        return f"other values: {(off > tolerance).sum()} of {off.size}, by up to {off.max()}"
    return None


def of_pydicom(path, frames):
    """What pydicom makes of a file that rl4seg reads otherwise."""
    try:
        pixels = pydicom.dcmread(path).pixel_array.reshape(frames.shape)
    except Exception as error:  # pydicom raises nearly every kind
        return f"pydicom refuses it: {str(error).splitlines()[0]}"
    return f"pydicom reads {'the same' if numpy.array_equal(pixels, frames) else 'other values'} as were packed"


def main():
    program = sys.argv[1]
    codecs = [plain, lossless_jpeg, jpeg_ls, jpeg_2000, high_throughput_jpeg_2000, deflated, run_lengths]
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        count = wrong = 0
        for kind in KINDS:
            frames = pixels_of(kind)
            for codec in codecs:
                for name, dataset in codec(kind, frames):
                    unlike = difference(program, dataset, kind, frames, folder)
                    count += 1
                    wrong += unlike is not None
                    if unlike:
                        print(f"OTHERWISE {kind.name}, {name}: {unlike}; {of_pydicom(folder / 'packed.dcm', frames)}")
    print(f"{count - wrong} of {count} read as they were packed, {wrong} otherwise")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
