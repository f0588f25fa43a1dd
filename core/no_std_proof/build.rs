//! Links without the C library and its start-up files: what std would need is simply not there.
fn main() {
    let arguments: &[&str] = match std::env::var("CARGO_CFG_TARGET_OS").as_deref() {
        Ok("linux") => &["-nostdlib", "-nostartfiles", "-static"],
        // Bare metal: what begins at `amc_core_tour` is kept, and nothing else.
        Ok("none") => &["--entry=amc_core_tour", "--gc-sections"],
        // WebAssembly: what is missing is an error, not an import.
        _ => &["--export=amc_core_tour"],
    };
    for argument in arguments {
        println!("cargo:rustc-link-arg-bins={argument}");
    }
}
