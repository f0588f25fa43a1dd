//! Properties over arbitrary input, special numbers preferred: constructors refuse or the result keeps its
//! contract, and no bad number gets into a state.

#[path = "robustness/algebra.rs"]
mod algebra;
#[path = "robustness/densities.rs"]
mod densities;
#[path = "robustness/estimators.rs"]
mod estimators;
#[path = "robustness/moves.rs"]
mod moves;
#[path = "robustness/numbers.rs"]
mod numbers;
#[path = "robustness/paths.rs"]
mod paths;
#[path = "robustness/weights.rs"]
mod weights;
