//! Names the shared library after its ABI: programs linked to one `libamc.so.N` never load another.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=src/version.rs");
    let source = std::fs::read_to_string("src/version.rs").unwrap_or_default();
    let abi = source
        .lines()
        .find_map(|line| line.strip_prefix("pub const AMC_ABI_VERSION: u32 = "))
        .and_then(|rest| rest.strip_suffix(';'));
    let Some(abi) = abi else {
        println!("cargo::error=src/version.rs has no line `pub const AMC_ABI_VERSION: u32 = N;`");
        return;
    };
    if std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|system| system == "linux") {
        println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,libamc.so.{abi}");
    }
}
