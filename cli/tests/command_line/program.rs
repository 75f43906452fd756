//! Running the real binary, and the small data sets that it is run on.

use std::{
    ffi::OsStr,
    fs,
    io::Read,
    path::{Path, PathBuf},
    process::{Child, Command, Output},
    time::{Duration, Instant},
};

use flate2::read::GzDecoder;
use rl4seg_core::{
    domain::{Grid, LabelMap, SlowAxis},
    io::nifti::{NiftiGeometry, write_labels},
    run_dir::layout,
};
use serde_json::Value;

/// What a run of the program left behind.
pub struct Outcome {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Outcome {
    fn of(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Self { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// The text on standard output of a program that did what it should.
    #[track_caller]
    pub fn done(self) -> String {
        assert_eq!(self.code, Some(0), "{}{}", self.stdout, self.stderr);
        self.stdout
    }

    /// The result of a program that was called with `--json`.
    #[track_caller]
    pub fn json(self) -> Value {
        serde_json::from_str(&self.done()).unwrap()
    }

    /// The error of a program that failed as it should: one block of text, no panic, exit code 1.
    #[track_caller]
    pub fn refused(self) -> String {
        assert_eq!(self.code, Some(1), "{}{}", self.stdout, self.stderr);
        assert_eq!(self.stderr.matches("error: ").count(), 1, "{}", self.stderr);
        assert!(!self.stderr.contains("panicked at"), "{}", self.stderr);
        self.stderr
    }
}

/// The binary, with nothing of the caller's surroundings that could change a result.
pub fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rl4seg"));
    command.env_remove("RL4SEG_PLUGIN_PATH").env_remove("RAYON_NUM_THREADS");
    command
}

/// Runs `rl4seg` with `args`.
pub fn rl4seg<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> Outcome {
    Outcome::of(program().args(args).output().unwrap())
}

/// Runs a command to its end.
pub fn outcome(command: &mut Command) -> Outcome {
    Outcome::of(command.output().unwrap())
}

/// Runs `rl4seg` in a shell that has first done `before`, as setting a limit.
pub fn rl4seg_after(before: &str, args: &[&str]) -> Outcome {
    let script = format!("{before}; exec \"$0\" \"$@\"");
    let mut command = Command::new("bash");
    command.args(["-c", &script, env!("CARGO_BIN_EXE_rl4seg")]).args(args);
    Outcome::of(command.output().unwrap())
}

/// Runs `rl4seg` with `args`, and looks how many bytes of memory it holds at the most.
#[cfg(target_os = "linux")]
pub fn rl4seg_measured(args: &[&str]) -> (Outcome, u64) {
    use std::process::Stdio;
    let mut child = program().args(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    while child.try_wait().unwrap().is_none() {
        let text = fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse::<u64>().ok());
        peak = peak.max(kib.unwrap_or(0) << 10);
        std::thread::sleep(Duration::from_millis(1));
    }
    (Outcome::of(child.wait_with_output().unwrap()), peak)
}

/// A folder of its own for a test.
pub struct Folder {
    root: PathBuf,
    /// Removes it in the end.
    _temporary: Option<tempfile::TempDir>,
}

impl Folder {
    pub fn new() -> Self {
        let temporary = tempfile::tempdir().unwrap();
        Self { root: temporary.path().to_owned(), _temporary: Some(temporary) }
    }

    /// One for several tests, which is never removed: it lies in the target folder, empty at first.
    pub fn shared(name: &str) -> Self {
        let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        if root.exists() {
            fs::remove_dir_all(&root).unwrap();
        }
        fs::create_dir_all(&root).unwrap();
        Self { root, _temporary: None }
    }

    pub fn at(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    pub fn text(&self, name: &str) -> String {
        self.at(name).to_str().unwrap().to_owned()
    }

    /// Writes a phantom data set of both domains, `source` and `target`, and a configuration of a
    /// run that takes seconds, `run.toml`.
    pub fn with_data(self) -> Self {
        self.with_data_of("echo", "16")
    }

    /// The same for another modality.
    pub fn with_data_of(self, modality: &str, train: &str) -> Self {
        for domain in ["source", "target"] {
            let out = self.text(domain);
            let args = ["phantom", "--modality", modality, "--domain", domain, "--out", &out, "--size", "48"];
            rl4seg(args.into_iter().chain(["--train", train, "--validation", "2", "--test", "2"])).done();
        }
        let (source, target, out) = (self.text("source"), self.text("target"), self.text("run.toml"));
        rl4seg(["init", "--modality", modality, "--source", &source, "--target", &target, "--out", &out]).done();
        self
    }

    /// Begins or continues the run of `run.toml` with numbers that make it short.
    pub fn adapt(&self, more: &[&str]) -> Outcome {
        let config = self.text("run.toml");
        rl4seg(adapt_args(&config).iter().map(String::as_str).chain(more.iter().copied()))
    }
}

/// The arguments of a run that takes seconds.
pub fn adapt_args(config: &str) -> Vec<String> {
    ["adapt", config, "--set", "iterations=1"]
        .into_iter()
        .map(str::to_owned)
        .chain(short().map(str::to_owned))
        .collect()
}

/// What makes an iteration short.
pub fn short() -> impl Iterator<Item = &'static str> {
    SHORT.iter().flat_map(|set| ["--set", set])
}

/// Just enough learning for segmentations that can be corrected, so that all steps have work.
const SHORT: &[&str] = &[
    "network.width=4",
    "pretrain.epochs=20",
    "pretrain.augment.probability=0.0",
    "pretrain.batch=4",
    "pretrain.learning_rate=0.04",
    "collect.cases=6",
    "collect.batch=4",
    "collect.correction_agreement=0.0",
    "reward.epochs=1",
    "reward.learning_rate=0.02",
    "reward.batch=8",
    "policy.epochs=1",
    "policy.batch=4.0",
    "policy.update_epochs=2",
];

/// Sends a signal by its name, as `INT`.
pub fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill").args(["-s", name, &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

/// Waits until a file is there.
pub fn wait_for(path: &Path) {
    wait_until(|| path.exists(), &path.display().to_string());
}

/// Waits until something is so.
pub fn wait_until(is_so: impl Fn() -> bool, what: &str) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < Duration::from_secs(120), "{what} never came");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// All files below a folder with their bytes, but for those whose content depends on the time.
pub fn files(root: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if !knows_the_time(&path) {
                found.push((path.strip_prefix(root).unwrap().to_owned(), fs::read(&path).unwrap()));
            }
        }
    }
    found.sort();
    found
}

fn knows_the_time(path: &Path) -> bool {
    let name = path.file_name().unwrap().to_str().unwrap();
    name == layout::JOURNAL || name.contains("tfevents")
}

/// All files of a run but those that name the run directory itself.
pub fn results(root: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let own = |path: &Path| path == Path::new(layout::CONFIG) || path == Path::new(layout::MANIFEST);
    files(root).into_iter().filter(|(path, _)| !own(path)).collect()
}

/// Copies a folder with all that is in it.
pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Writes a 24 x 24 label map with 1 mm spacing and gives its path as text.
pub fn labels(path: &Path, label: impl Fn(usize) -> u8) -> String {
    let grid = Grid::plane([24, 24], [1.0, 1.0]).unwrap();
    let map = LabelMap::new(grid, (0..grid.len()).map(label).collect()).unwrap();
    write_labels(path, &map, &NiftiGeometry::for_grid(&grid)).unwrap();
    path.to_str().unwrap().to_owned()
}

/// Overwrites bytes of an unpacked file.
pub fn change_header(file: &str, at: usize, bytes: &[u8]) {
    let mut content = fs::read(file).unwrap();
    content[at..at + bytes.len()].copy_from_slice(bytes);
    fs::write(file, content).unwrap();
}

/// The three lengths of a voxel in mm, as a NIfTI-1 file tells them.
pub fn pixdim(file: &[u8]) -> [f32; 3] {
    [80, 84, 88].map(|at| f32::from_le_bytes(file[at..at + 4].try_into().unwrap()))
}

/// Says in the header of a NIfTI-1 file where its voxels lie: its sform, in scanner coordinates.
pub fn place(file: &mut [u8], rows: [[f32; 4]; 3]) {
    const SFORM_CODE: usize = 254;
    const SROW_X: usize = 280;
    file[SFORM_CODE..SFORM_CODE + 2].copy_from_slice(&1_i16.to_le_bytes());
    for (index, value) in rows.as_flattened().iter().enumerate() {
        file[SROW_X + 4 * index..][..4].copy_from_slice(&value.to_le_bytes());
    }
}

/// The same for axes along those of the grid, the first voxel at `x`.
pub fn place_along(file: &mut [u8], x: f32) {
    let [dx, dy, dz] = pixdim(file);
    place(file, [[dx, 0.0, 0.0, x], [0.0, dy, 0.0, 0.0], [0.0, 0.0, dz, 0.0]]);
}

/// The bytes of a `.nii.gz` file, unpacked. Under the same name they are still a NIfTI file.
pub fn unpacked(file: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    GzDecoder::new(fs::File::open(file).unwrap()).read_to_end(&mut bytes).unwrap();
    bytes
}

/// The same with every voxel, a float, replaced.
pub fn unpacked_with_voxels(file: &Path, voxel: f32) -> Vec<u8> {
    const FIRST_VOXEL: usize = 352;
    let mut bytes = unpacked(file);
    for found in bytes[FIRST_VOXEL..].chunks_exact_mut(4) {
        found.copy_from_slice(&voxel.to_le_bytes());
    }
    bytes
}

/// Writes three empty planes, 24 x 24 each, to a three-dimensional file.
pub fn volume(path: &Path) -> String {
    let grid = Grid::new([3, 24, 24], [1.0, 1.0], SlowAxis::Depth { spacing_mm: 2.0 }).unwrap();
    write_labels(path, &LabelMap::background(grid), &NiftiGeometry::for_grid(&grid)).unwrap();
    path.to_str().unwrap().to_owned()
}
