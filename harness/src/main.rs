//! The program `amc`.

fn main() -> std::process::ExitCode {
    amc_harness::cli::main()
}
