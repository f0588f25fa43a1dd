//! `amc-api-listing FILE.json CRATE [PREFIX...]`: public items of a crate, one a line; with prefixes those below one.

use std::process::ExitCode;

use public_api::{Builder, tokens::Token};

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let (Some(file), Some(name)) = (arguments.next(), arguments.next()) else {
        eprintln!("usage: amc-api-listing FILE.json CRATE [PREFIX...]");
        return ExitCode::from(2);
    };
    let prefixes: Vec<String> = arguments.collect();
    // What holds for every type, and what follows from its fields, would be nine lines in ten.
    let api = Builder::from_rustdoc_json(&file)
        .omit_blanket_impls(true)
        .omit_auto_trait_impls(true)
        .build();
    let api = match api {
        Ok(api) => api,
        Err(error) => {
            eprintln!("error: {file}: {error}");
            return ExitCode::FAILURE;
        }
    };
    for item in api.items() {
        let line: String = item.tokens().map(Token::text).collect();
        // The crate's own name comes first in the path of what a line is about.
        let own = line.find(&format!("{name}::")).map_or("", |at| &line[at..]);
        if prefixes.is_empty() || prefixes.iter().any(|prefix| own.starts_with(prefix.as_str())) {
            println!("{line}");
        }
    }
    ExitCode::SUCCESS
}
