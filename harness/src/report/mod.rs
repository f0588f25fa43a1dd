//! Figures of a run: for papers as SVG text, for terminals as lines of braille characters.
//!
//! | figure | shows |
//! |---|---|
//! | [`schedule_svg`] | local barrier, cumulative barrier and rejection rates of a schedule |
//! | [`ablation_svg`] | bias, variance and cost over the values of one setting |
//! | [`text_curve`], [`text_curve_with_levels`] | one curve, at most 80 columns wide |
//!
//! Nothing here writes a file or reads a font. Equal input gives equal text: positions are rounded
//! to whole units, and logarithms are `libm`'s.
//!
//! An axis is a range and a scale that is linear, or linear up to a threshold and
//! logarithmic above. Levels of a diffusion path crowd towards `t = 0` over orders of magnitude; the
//! second scale shows both them and `t = 0` itself.

mod ablation_plot;
mod axis;
mod curve;
mod error;
mod panel;
mod schedule_plot;
mod text_plot;
mod ticks;

pub use ablation_plot::{AblationPanel, AblationPlot, Columns, PanelScale, Series, ablation_svg};
pub use error::ReportError;
pub use schedule_plot::{SchedulePlot, schedule_svg};
pub use text_plot::{text_curve, text_curve_with_levels};

/// What drawing a figure returns.
pub type Result<T> = std::result::Result<T, ReportError>;
