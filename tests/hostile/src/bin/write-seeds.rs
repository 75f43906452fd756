//! `write-seeds FOLDER` writes the whole files that fuzzing starts from, those of each kind in a folder named after its target.

use std::{fs, path::PathBuf};

use rl4seg_hostile::Kind;

fn main() -> std::io::Result<()> {
    let Some(root) = std::env::args_os().nth(1).map(PathBuf::from) else {
        return Err(std::io::Error::other("expected the folder to write to, as tests/fuzz/corpus"));
    };
    for kind in Kind::ALL {
        let folder = root.join(kind.name());
        fs::create_dir_all(&folder)?;
        for file in kind.whole_files() {
            fs::write(folder.join(file.name), file.bytes)?;
        }
    }
    Ok(())
}
