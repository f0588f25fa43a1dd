//! Reports: figures as SVG and PNG, pages of HTML, and lines of braille characters for terminals.
//!
//! | what | is |
//! |---|---|
//! | [`report`] | a page about finished runs and experiments, with its figures |
//! | [`png`] | a figure as a bitmap |
//! | [`schedule_svg`] | local barrier, cumulative barrier and rejection rates of a schedule |
//! | [`ablation_svg`] | bias, variance and cost over the values of one setting |
//! | [`text_curve`], [`text_curve_with_levels`] | one curve, at most 80 columns wide |
//!
//! Every figure is drawn on one sheet (`canvas.rs`), by panels (`panel.rs`) whose axes (`axis.rs`, `ticks.rs`) and
//! looks (`palette.rs`) are the same everywhere.
//!
//! Nothing here writes a file or reads a font of the machine. Equal input gives equal text: positions are
//! rounded to tenths of a point, and logarithms are `libm`'s.
//!
//! An axis is a range and a scale that is linear, or linear up to a threshold and
//! logarithmic above. Levels of a diffusion path crowd towards `t = 0` over orders of magnitude; the
//! second scale shows both them and `t = 0` itself.

mod ablation_plot;
mod axis;
mod bitmap;
mod canvas;
mod contour;
mod curve;
mod digits;
mod error;
mod experiment_figures;
mod figure;
mod folder;
pub(crate) mod html;
mod lines_plot;
mod marginal;
mod pages;
mod palette;
mod panel;
mod particle_figures;
mod rows_plot;
mod run_figures;
mod scatter_plot;
mod schedule_plot;
mod sections;
mod text_plot;
mod ticks;
mod weights_plot;

pub use ablation_plot::{AblationPanel, AblationPlot, Columns, PanelScale, Series, ablation_svg};
pub use bitmap::png;
pub use error::ReportError;
pub use figure::Figure;
pub use folder::{ExperimentFolder, Folder, FolderError, RunFolder};
pub use pages::{Report, ReportOptions, report};
pub use schedule_plot::{SchedulePlot, schedule_svg};
pub use text_plot::{text_curve, text_curve_with_levels};

/// What drawing a figure returns.
pub type Result<T> = std::result::Result<T, ReportError>;
