//! Notes the compiler, for the counts of instructions that belong to it.

use std::process::Command;

fn main() {
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".into());
    let output = Command::new(rustc).arg("--version").output();
    let version = output.ok().and_then(|output| String::from_utf8(output.stdout).ok());
    let version = version.as_deref().map_or("unknown", str::trim);
    println!("cargo::rustc-env=AMC_RUSTC_VERSION={version}");
    println!("cargo::rerun-if-changed=build.rs");
}
