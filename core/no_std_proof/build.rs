//! Links without the C library and its start-up files: what std would need is simply not there.
fn main() {
    for argument in ["-nostdlib", "-nostartfiles", "-static"] {
        println!("cargo:rustc-link-arg-bins={argument}");
    }
}
