//! The list of planted defects, room by room, and of the same things without a defect.

mod bridges;
mod densities;
mod determinants;
mod kernels;
mod ladders;
mod maps;
mod moves;
mod paths;
pub mod place;
pub mod populations;
mod randomness;
mod swaps;

use amc_verify::suite::Case;

/// Every planted defect with a law that refutes it; some are seen by several.
pub fn defects() -> Vec<Case> {
    let mut all = densities::defects();
    all.extend(paths::defects());
    all.extend(bridges::defects());
    all.extend(kernels::defects());
    all.extend(moves::defects());
    all.extend(swaps::defects());
    all.extend(ladders::defects());
    all.extend(populations::defects());
    all.extend(maps::defects());
    all.extend(determinants::defects());
    all.extend(randomness::defects());
    all
}

/// What defects were planted in, without any.
pub fn controls() -> Vec<Case> {
    let mut all = bridges::controls();
    all.extend(kernels::controls());
    all.extend(moves::controls());
    all.extend(swaps::controls());
    all.extend(populations::controls());
    all.extend(determinants::controls());
    all
}
