//! Compiles the model of the tests.

use std::path::Path;
use std::process::Command;

/// Makes `folder/name` with these macros defined; Rust links by the same compiler.
pub fn compile(folder: &Path, name: &str, macros: &[&str]) {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/shared_library/model.c");
    let status = Command::new("cc")
        .args(["-std=c11", "-O1", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC"])
        .args(macros.iter().map(|name| format!("-D{name}")))
        .arg(source)
        .arg("-o")
        .arg(folder.join(name))
        .arg("-lm")
        .status();
    assert!(status.unwrap().success(), "cc refuses model.c with {macros:?}");
}
