//! Annealed Monte Carlo on multicore CPUs: the samplers around [`amc_core`], and the program `amc`.
//!
//! Data flows in one direction through rooms named after the nouns of the theory:
//!
//! | room | what lives there |
//! |---|---|
//! | [`bench`](mod@bench) | how fast the kernels are, beside the limits of the machine |
//! | [`catalog`] | the one list of everything that can be chosen by name |
//! | [`config`] | from TOML to a run in which everything has been checked |
//! | [`target`] | benchmark families, mixture files, standardization |
//! | [`mixture`] | a mixture that owns its numbers, ready for the core |
//! | [`schedule`] | communication barrier, levels of equal increments, rates of round trips |
//! | [`fit`] | a mixture fitted to samples |
//! | [`learned`] | diffusion models: networks, losses, training, files, quality level by level |
//! | [`sampler`] | populations of particles, AIS, SMC and their reverse, replica exchange, pilot runs |
//! | [`levels`] | where the levels of a run stand, when that has to be measured |
//! | [`diagnostic`] | a verdict on a run, from what it measured about itself |
//! | [`metric`] | distances to exact samples and mode weights |
//! | [`run`] | one run from configuration to summary and files |
//! | [`embed`] | your own target, from Rust, C or Python |
//! | [`experiment`] | grids of runs that show, or refute, what is claimed of the methods |
//! | [`ablation`] | one setting of a bridge varied: bias, variance and cost, value by value |
//! | [`report`] | figures as SVG and as text |
//! | [`storage`] | files that survive a kill, the journal of a run, manifests |
//! | [`verification`] | the statistical suite with the samplers in it |
//! | [`cli`] | the subcommands of `amc` |

pub mod ablation;
pub mod bench;
pub mod catalog;
pub mod cli;
pub mod config;
pub mod diagnostic;
mod digits;
pub mod embed;
pub mod experiment;
pub mod fit;
pub mod learned;
pub mod levels;
pub mod metric;
pub mod mixture;
pub mod report;
pub mod run;
pub mod sampler;
pub mod schedule;
pub mod storage;
pub mod target;
pub mod verification;

/// The examples of the crate's front page are compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct FrontPage;
