//! `include/amc.h` is what cbindgen makes of the sources, and says something of every function.

use std::path::Path;

/// The header as the sources have it now.
fn header() -> String {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let config = cbindgen::Config::from_file(package.join("cbindgen.toml")).unwrap();
    let bindings = cbindgen::Builder::new().with_crate(package).with_config(config).generate();
    let mut text = Vec::new();
    bindings.unwrap().write(&mut text);
    String::from_utf8(text).unwrap()
}

/// Fails if a function, structure, number or comment was changed and the header was not made again:
/// `AMC_C_WRITE=1 cargo test -p amc-c --test header`.
#[test]
fn the_header_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("include/amc.h");
    let made = header();
    if std::env::var_os("AMC_C_WRITE").is_some() {
        std::fs::write(&path, &made).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    let different = made.lines().zip(kept.lines()).find(|(made, kept)| made != kept);
    assert!(
        made == kept,
        "include/amc.h differs, first at {different:?}; AMC_C_WRITE=1 makes it anew"
    );
}
