//! Lets the linker leave Python's symbols open where it has to be told so (macOS).

fn main() {
    pyo3_build_config::add_extension_module_link_args();
}
