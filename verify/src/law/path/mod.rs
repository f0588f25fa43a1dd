//! Laws of annealing paths: noise schedules, tempering, and where levels lie.
//!
//! | law | about |
//! |---|---|
//! | [`noising`] | samples of one level carried to another by noising steps |
//! | [`coefficients`] | `alpha`, `v`, steps, drift and diffusion of a noise schedule |
//! | [`spacing`] | levels at equal distances in a coordinate |
//! | [`tempering`] | levels between a reference and a target |

mod coefficients;
mod noising;
mod spacing;
mod tempering;

pub use coefficients::{NoisePath, coefficients};
pub use noising::{NoisingInstance, noising};
pub use spacing::spacing;
pub use tempering::{TemperingInstance, tempering};
