//! `include/rl4seg_plugin.h` says what `src/lib.rs` says, and C and C++ compilers take it.
//!
//! `RL4SEG_WRITE_HEADER=1 cargo test --package rl4seg-abi --test header` writes it anew.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

use std::{
    env, fs,
    io::ErrorKind,
    mem::size_of,
    path::{Path, PathBuf},
    process::Command,
};

use cbindgen::{Builder, Config, DocumentationStyle, Language, Style};
use rl4seg_abi as abi;

const SOURCE: &str = include_str!("../src/lib.rs");
const AGAIN: &str = "RL4SEG_WRITE_HEADER=1 cargo test --package rl4seg-abi --test header";

fn path(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(file)
}

/// What stands in the frame of the header, since cbindgen cannot read it.
const FRAMED: [&str; 4] = ["ENTRY_STEM", "ENTRY", "LAYOUT_ENTRY", "FINGERPRINT"];

/// A public type or number of the source.
struct Item {
    rust: &'static str,
    c: String,
    /// Its comment in the source.
    doc: String,
    is_number: bool,
}

impl Item {
    /// What DLPack's own header declares too, by the same name.
    fn is_dlpack(&self) -> bool {
        self.rust == self.c
    }

    /// Numbers of one group begin alike.
    fn group(&self) -> &str {
        if self.is_number { self.rust.split('_').next().unwrap_or_default() } else { self.rust }
    }
}

/// The items of the source, in its order.
fn items() -> Vec<Item> {
    let mut doc = String::new();
    let items = SOURCE.lines().filter_map(|line| {
        if let Some(text) = line.strip_prefix("///") {
            doc += &format!("//{text}\n");
            return None;
        }
        if line.starts_with("#[") {
            return None;
        }
        let doc = std::mem::take(&mut doc);
        let (kind, rest) = line.strip_prefix("pub ")?.split_once(' ')?;
        let rust = rest.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_').next()?;
        let bare = ["STATUS_", "KIND_", "FLAG_"].iter().find_map(|group| rust.strip_prefix(group));
        let c = match kind {
            "const" => format!("RL4SEG_{}", bare.unwrap_or(rust)),
            "struct" if rust.starts_with("DL") => rust.to_owned(),
            "struct" | "type" => format!("Rl4seg{rust}"),
            _ => return None,
        };
        Some(Item { rust, c, doc, is_number: kind == "const" })
    });
    items.collect()
}

/// One item in C.
fn declaration(item: &Item, items: &[Item]) -> String {
    let define = |value: String| format!("{}#define {} {value}\n", item.doc, item.c);
    let initialiser = |dtype: abi::DLDataType| define(format!("{{ {}, {}, {} }}", dtype.code, dtype.bits, dtype.lanes));
    match item.rust {
        // cbindgen does not compute, and writes structs as C++ does not know them.
        "MAGIC" => return define(format!("{:#x}ULL", abi::MAGIC)),
        "DL_U8" => return initialiser(abi::DL_U8),
        "DL_F32" => return initialiser(abi::DL_F32),
        _ => {}
    }
    let mut config = Config {
        language: Language::C,
        style: Style::Type,
        documentation_style: DocumentationStyle::C99,
        no_includes: true,
        usize_is_size_t: true,
        line_length: 120,
        ..Config::default()
    };
    config.export.rename = items.iter().map(|item| (item.rust.to_owned(), item.c.clone())).collect();
    config.export.include = vec![item.rust.to_owned()];
    config.export.exclude =
        items.iter().filter(|other| other.rust != item.rust).map(|item| item.rust.to_owned()).collect();
    let mut text = Vec::new();
    let made = Builder::new().with_config(config).with_src(path("src/lib.rs")).generate();
    made.expect("cbindgen reads the source").write(&mut text);
    let text = String::from_utf8(text).expect("a header is text");
    // DLPack's own header has no `const` there.
    let text = if item.is_dlpack() { text.replace("const int64_t *", "int64_t *") } else { text };
    text.trim().to_owned() + "\n"
}

/// The whole header.
fn header() -> String {
    let items = items();
    let version = format!("{}.{}", abi::ABI_MAJOR, abi::ABI_MINOR);
    let mut text = include_str!("header/begin.h").replace("{version}", &version);
    let mut before: Option<&Item> = None;
    for item in items.iter().filter(|item| !FRAMED.contains(&item.rust)) {
        let dlpack_before = before.is_some_and(Item::is_dlpack);
        if dlpack_before && !item.is_dlpack() {
            text += "#endif\n";
        }
        if before.is_some_and(|before| before.group() != item.group()) {
            text += "\n";
        }
        if !dlpack_before && item.is_dlpack() {
            text += "// DLPack's own header may be included first instead.\n#ifndef DLPACK_DLPACK_H_\n";
        }
        text += &declaration(item, &items);
        before = Some(item);
    }
    text += "\n";
    text += include_str!("header/end.h");
    // The comments name things as Rust does.
    let text = text.replace("`u8`", "`uint8_t`").replace("`f32`", "`float`");
    items.iter().fold(text, |text, Item { rust, c, .. }| {
        text.replace(&format!("[`{rust}`]"), c).replace(&format!("sizeof({rust})"), &format!("sizeof({c})"))
    })
}

#[test]
fn the_header_says_what_the_source_says() {
    let file = path("include/rl4seg_plugin.h");
    let expected = header();
    if env::var_os("RL4SEG_WRITE_HEADER").is_some() {
        fs::write(&file, &expected).unwrap();
    }
    let found = fs::read_to_string(&file).unwrap();
    for (number, (found, expected)) in found.lines().zip(expected.lines()).enumerate() {
        let line = number + 1;
        assert_eq!(found, expected, "line {line} of {} is not what the source says: {AGAIN}", file.display());
    }
    assert_eq!(found.len(), expected.len(), "{} is too short or too long: {AGAIN}", file.display());
}

/// C that compiles where the header's layouts are those of this crate.
fn checks() -> String {
    macro_rules! sizes {
        ($($name:ident)*) => { [$((stringify!($name), size_of::<abi::$name>())),*] };
    }
    let sizes = sizes![
        DLDevice DLDataType DLTensor Spacing Voxels Str ErrorSink ItemSink Host DataSourceTable ValidityMetricTable
        DistortionGeneratorTable CorrectorTable NetworkArchitectureTable NetworkCall DifferentiableNetworkTable Component Descriptor
    ];
    let items = items();
    let checks = sizes.map(|(name, size)| {
        let item = items.iter().find(|item| item.rust == name).expect("a struct of the source");
        (name, format!("sizeof({}) == {size}", item.c))
    });
    let fingerprint = ("fingerprint", format!("RL4SEG_FINGERPRINT == {:#x}ULL", abi::FINGERPRINT));
    let checks = checks.into_iter().chain([fingerprint]);
    // An array of a negative length is refused by every version of both languages.
    let checks = checks.map(|(name, condition)| format!("typedef char check_{name}[({condition}) ? 1 : -1];\n"));
    let begin = "#include \"rl4seg_plugin.h\"\n\
                 Rl4segEntry entry = rl4seg_plugin_v1;\n\
                 DLDataType types[2] = { RL4SEG_DL_U8, RL4SEG_DL_F32 };\n\
                 Rl4segStr text = RL4SEG_STR(\"text\");\n";
    begin.to_owned() + &checks.collect::<String>()
}

/// What `compiler` says of `source`: nothing, if it is sound. `None` if there is no such compiler.
fn complaints(compiler: &str, arguments: &[&str], source: &str) -> Option<String> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("checks.c");
    fs::write(folder.path().join("rl4seg_plugin.h"), header()).unwrap();
    fs::write(&file, source).unwrap();
    let mut command = Command::new(compiler);
    command.args(arguments).args(["-Wall", "-Wextra", "-Werror", "-fsyntax-only"]).arg(file);
    match command.output() {
        Ok(output) if output.status.success() => Some(String::new()),
        Ok(output) => Some(String::from_utf8_lossy(&output.stderr).into_owned()),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => panic!("{compiler}: {error}"),
    }
}

#[test]
fn c_compilers_lay_the_structs_out_as_rust_does() {
    let sound = checks();
    for standard in ["-std=c99", "-std=c11"] {
        let said =
            complaints("cc", &[standard, "-pedantic"], &sound).expect("`cc`, which cargo links with, is not there");
        assert!(said.is_empty(), "{standard}: {said}");
    }
    let right = format!("{:#x}ULL", abi::FINGERPRINT);
    assert!(sound.contains(&right));
    let other = sound.replace(&right, "1ULL");
    assert!(complaints("cc", &["-std=c11"], &other).is_some_and(|said| said.contains("check_fingerprint")));
}

#[test]
fn cpp_compilers_lay_the_structs_out_as_rust_does() {
    match complaints("c++", &["-std=c++17", "-x", "c++"], &checks()) {
        Some(said) => assert!(said.is_empty(), "{said}"),
        // Rust needs none, so a test must do without.
        None => println!("NOT CHECKED: there is no `c++` here"),
    }
}
