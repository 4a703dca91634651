//! Links the addon, and hashes the sources it is built from, so that a program can tell an addon older than the code.

use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

fn main() {
    napi_build::setup();
    let native = Path::new("..");
    let mut sources = vec![PathBuf::from("../Cargo.lock")];
    for folder in ["core/src", "node/src"] {
        collect(&native.join(folder), &mut sources);
    }
    sources.sort();
    let mut hasher = Sha256::new();
    for source in &sources {
        println!("cargo:rerun-if-changed={}", source.display());
        hasher.update(fs::read(source).unwrap_or_default());
    }
    let hash: String = hasher.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    println!("cargo:rustc-env=BARKEEP_SOURCES_HASH={hash}");
}

fn collect(folder: &Path, sources: &mut Vec<PathBuf>) {
    println!("cargo:rerun-if-changed={}", folder.display());
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, sources);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            sources.push(path);
        }
    }
}
