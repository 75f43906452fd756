//! Damaged and lying files of every kind that is read: an error at most, and never more memory than the file's size explains.
//!
//! `HOSTILE_FILES=10000 cargo test --release --workspace --test hostile_files` tries as many of each format; without it, a few hundred.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a test that cannot go on has failed"
)]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    fs,
    path::Path,
    sync::atomic::{AtomicUsize, Ordering},
};

use burn::tensor::Device;
use rl4seg_core::{
    config,
    domain::{Grid, Image, Label, LabelSet, SlowAxis},
    io::{
        Reading, formats,
        nifti::{NiftiGeometry, ThirdAxis, write_image},
    },
    nn::{Unet, Weights},
};
use rl4seg_echo::sources::{CasesCsv, CasesCsvConfig};

/// Memory that any file may take: the TIFF decoder sets aside up to 256 MiB for a table that a file promises, others 64.
const FLOOR: usize = 288 << 20;
/// Memory that a byte of a file may take: packed data come to a thousand times their size, in four bytes a voxel, and in a copy.
const MOST: usize = 12_000;

struct Counting;

static NOW: AtomicUsize = AtomicUsize::new(0);
static MOST_SO_FAR: AtomicUsize = AtomicUsize::new(0);

fn grown(size: usize) {
    let now = NOW.fetch_add(size, Ordering::Relaxed) + size;
    MOST_SO_FAR.fetch_max(now, Ordering::Relaxed);
}

#[allow(unsafe_code, reason = "an allocator that counts is unsafe by its signature")]
// SAFETY: every call is passed on to the system's allocator as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        grown(layout.size());
        // SAFETY: the caller's promise is the system's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promise is the system's.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        grown(layout.size());
        // SAFETY: the caller's promise is the system's.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        NOW.fetch_sub(layout.size(), Ordering::Relaxed);
        grown(size);
        // SAFETY: the caller's promise is the system's.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const READING: Reading = Reading {
    third_axis: Some(ThirdAxis::Depth),
    spacing_mm: None,
    intensity: rl4seg_core::io::Intensity::Rescaled,
    mask_outside_regions: false,
};

/// Numbers from a seed.
struct Draw(u64);

impl Draw {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end.max(1)
    }
}

/// A file with a few bytes changed, cut out, doubled, or made as large as they go.
fn damaged(whole: &[u8], draw: &mut Draw) -> Vec<u8> {
    let mut bytes = whole.to_vec();
    for _ in 0..=draw.below(4) {
        let at = draw.below(bytes.len());
        match draw.below(6) {
            0 => bytes.truncate(at.max(1)),
            1 => bytes[at] = 0xff,
            2 => bytes[at..].iter_mut().take(4).for_each(|byte| *byte = 0xff),
            3 => bytes[at..].iter_mut().take(2).for_each(|byte| *byte = 0x7f),
            4 => {
                let part = bytes[at..].iter().take(16).copied().collect::<Vec<u8>>();
                bytes.splice(at..at, part);
            }
            _ => bytes[at] ^= 1 << draw.below(8),
        }
    }
    bytes
}

fn labels() -> LabelSet {
    let label = |value, name: &str| Label { value, name: name.to_owned(), color: [0; 3] };
    LabelSet::new(vec![label(0, "background"), label(1, "cavity")]).unwrap()
}

/// A whole file of each format, by name.
fn whole_files(folder: &Path) -> Vec<(&'static str, Vec<u8>)> {
    let grid = Grid::new([3, 8, 9], [0.5, 0.25], SlowAxis::Depth { spacing_mm: 2.0 }).unwrap();
    let image = Image::new(grid, 1, (0..216_u8).map(f32::from).collect()).unwrap();
    let nifti = |name: &str| {
        let path = folder.join(name);
        write_image(&path, &image, &NiftiGeometry::for_grid(&grid)).unwrap();
        fs::read(path).unwrap()
    };
    let mut files = vec![("a.nii", nifti("a.nii")), ("a.nii.gz", nifti("a.nii.gz"))];
    let voxels: Vec<u8> = (0..216).collect();
    let meta = b"ObjectType = Image\nNDims = 3\nBinaryData = True\nCompressedData = False\nTransformMatrix = 1 0 0 0 1 0 0 0 1\nOffset = \
                 0 0 0\nElementSpacing = 0.25 0.5 2\nDimSize = 9 8 3\nElementType = MET_UCHAR\nElementDataFile = LOCAL\n";
    files.push(("a.mha", [meta.as_slice(), &voxels].concat()));
    let nrrd = b"NRRD0004\ntype: uchar\ndimension: 3\nspace: left-posterior-superior\nsizes: 9 8 3\nspace directions: (0.25,0,0) (0,0.5,0) \
                 (0,0,2)\nkinds: domain domain domain\nencoding: raw\nspace origin: (0,0,0)\n\n";
    files.push(("a.nrrd", [nrrd.as_slice(), &voxels].concat()));
    for (name, bytes) in [
        ("gray.png", &include_bytes!("../data/hostile/gray.png")[..]),
        ("gray.tif", include_bytes!("../data/hostile/gray.tif")),
        ("gray.jpg", include_bytes!("../data/hostile/gray.jpg")),
        ("plain.dcm", include_bytes!("../data/hostile/plain.dcm")),
        ("rle.dcm", include_bytes!("../data/hostile/rle.dcm")),
        ("jpeg.dcm", include_bytes!("../data/hostile/jpeg.dcm")),
        ("jpeg-lossless.dcm", include_bytes!("../data/hostile/jpeg-lossless.dcm")),
        ("jpeg-ls.dcm", include_bytes!("../data/hostile/jpeg-ls.dcm")),
        ("jpeg-2000.dcm", include_bytes!("../data/hostile/jpeg-2000.dcm")),
        ("htj2k.dcm", include_bytes!("../data/hostile/htj2k.dcm")),
        ("deflated.dcm", include_bytes!("../data/hostile/deflated.dcm")),
        ("segmentation.dcm", include_bytes!("../data/hostile/segmentation.dcm")),
    ] {
        files.push((name, bytes.to_vec()));
    }
    files.push(("lightning.ckpt", include_bytes!("../data/lightning.ckpt").to_vec()));
    let weights = Weights::of(&Unet::zeroed(1, 1, 2, &Device::flex()), "fresh").to_safetensors().unwrap();
    files.push(("weights.safetensors", weights));
    let table = b"id,group,split,px\na,p1,train,0.5\nb,p2,test,0.5\n\"c,d\",p3,,\n";
    files.push(("cases.csv", table.to_vec()));
    let configuration = rl4seg_echo::modality::modality().unwrap().preset;
    let head = "modality = \"echo\"\noutput = \"run\"\nsource = { component = \"echo/camus\", root = \"a\" }\ntarget = { component = \"echo/camus\", root = \"b\" }\n";
    files.push(("run.toml", [head.as_bytes(), configuration.as_bytes()].concat()));
    files
}

fn reading_of(name: &str) -> Reading {
    let is_picture = name.starts_with("gray");
    Reading { spacing_mm: is_picture.then_some([0.5, 0.5]), ..READING }
}

/// Reads a file as what it is: an image and labels, weights, a table of cases, a configuration.
fn open(path: &Path, name: &str) -> Result<(), String> {
    let text = |error: &dyn std::fmt::Display| error.to_string();
    match name {
        "lightning.ckpt" | "weights.safetensors" => Weights::read(path).map(drop).map_err(|error| text(&error)),
        "run.toml" => config::read(path, &[]).map(drop).map_err(|error| text(&error)),
        "cases.csv" => {
            let root = path.parent().unwrap().to_owned();
            fs::copy(path, root.join("cases.csv")).unwrap();
            CasesCsv::new(&CasesCsvConfig { root }).map(drop).map_err(|error| text(&error))
        }
        "segmentation.dcm" => {
            let read = formats::read_labels(path, &reading_of(name), &labels(), &[]);
            read.map(drop).map_err(|error| text(&error))
        }
        _ => {
            let image = formats::read_image(path, &reading_of(name)).map(drop).map_err(|error| text(&error));
            let _ = formats::read_labels(path, &reading_of(name), &labels(), &[]);
            image
        }
    }
}

/// Reads bytes as what they are; gives the memory that it took.
fn read(path: &Path, name: &str, bytes: &[u8]) -> usize {
    fs::write(path, bytes).unwrap();
    let before = NOW.load(Ordering::Relaxed);
    MOST_SO_FAR.store(before, Ordering::Relaxed);
    let _ = open(path, name);
    MOST_SO_FAR.load(Ordering::Relaxed).saturating_sub(before)
}

#[test]
fn no_damage_panics_or_takes_memory_that_the_file_does_not_explain() {
    let rounds = std::env::var("HOSTILE_FILES").ok().and_then(|count| count.parse().ok()).unwrap_or(300);
    // Panics of decoders, which are caught, would only fill the output.
    std::panic::set_hook(Box::new(|panic| {
        if panic.location().is_some_and(|place| place.file().ends_with(file!())) {
            eprintln!("{panic}");
        }
    }));
    let folder = tempfile::tempdir().unwrap();
    let mut most = Vec::new();
    for (name, whole) in whole_files(folder.path()) {
        let path = folder.path().join(format!("damaged-{name}"));
        fs::write(&path, &whole).unwrap();
        if let Err(error) = open(&path, name) {
            // Its images are not there, which is told after the whole table was read.
            assert!(name == "cases.csv" && error.contains("are missing"), "{name}: {error}");
        }
        let mut draw = Draw(whole.len() as u64);
        let mut largest = 0;
        for round in 0..rounds {
            let bytes = damaged(&whole, &mut draw);
            let taken = read(&path, name, &bytes);
            largest = largest.max(taken);
            assert!(
                taken <= FLOOR + MOST * bytes.len(),
                "{name}, round {round}: {taken} bytes for a file of {}",
                bytes.len()
            );
        }
        most.push(format!("{name}: {} bytes at most for {}", largest, whole.len()));
    }
    println!("{rounds} damaged files of each format\n{}", most.join("\n"));
}

#[test]
fn a_bomb_is_unpacked_no_further_than_its_header_says() {
    use std::io::Write;
    let folder = tempfile::tempdir().unwrap();
    let grid = Grid::plane([8, 9], [1.0, 1.0]).unwrap();
    let image = Image::new(grid, 1, vec![0.0; 72]).unwrap();
    let path = folder.path().join("bomb.nii.gz");
    write_image(&folder.path().join("a.nii"), &image, &NiftiGeometry::for_grid(&grid)).unwrap();
    let head = fs::read(folder.path().join("a.nii")).unwrap();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    gzip.write_all(&head).unwrap();
    gzip.write_all(&vec![0; 256 << 20]).unwrap();
    let bytes = gzip.finish().unwrap();
    let taken = read(&path, "bomb.nii.gz", &bytes);
    assert!(taken < 1 << 20, "{taken} bytes for one of {}", bytes.len());
}
