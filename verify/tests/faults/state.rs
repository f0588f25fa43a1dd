//! Eight particles with their cached values, and what a call on them needs.

use amc_core::density::{LogDensity, MixtureLevel, Score};
use amc_core::point::{Context, Evaluations, Point, PointMut};
use amc_core::rng::{Key, Purpose, Stream};
use amc_core::scratch::Scratch;
use amc_core::simd::f64x8;

/// The dimension of all problems here.
pub const DIM: usize = 3;

/// Eight particles with room of their own.
#[derive(Clone, PartialEq, Debug)]
pub struct State {
    pub x: Vec<f64x8>,
    pub score: Vec<f64x8>,
    pub log_density: f64x8,
}

impl State {
    pub fn empty() -> Self {
        let zero = vec![f64x8::ZERO; DIM];
        Self { x: zero.clone(), score: zero, log_density: f64x8::ZERO }
    }

    /// A draw of `law`, evaluated by `density`.
    pub fn draw(law: &MixtureLevel<'_>, density: &dyn Score, round: u64) -> Self {
        let mut state = Self::empty();
        let mut stream = Key::new(3, Purpose::User).round(round).stream();
        let mut memory = room(law.scratch_len());
        law.sample(&mut state.x, &mut stream, Scratch::new(&mut memory)).unwrap();
        let mut memory = room(density.scratch_len());
        state.log_density = density
            .log_density_and_score(&state.x, &mut state.score, Scratch::new(&mut memory))
            .unwrap();
        state
    }

    pub fn point(&self) -> Point<'_> {
        Point { x: &self.x, log_density: self.log_density, score: &self.score }
    }

    pub fn point_mut(&mut self) -> PointMut<'_> {
        PointMut { x: &mut self.x, log_density: &mut self.log_density, score: &mut self.score }
    }

    /// The bits of one lane: position and log-density.
    pub fn lane(&self, lane: usize) -> Vec<u64> {
        let all = self.x.iter().chain([&self.log_density]);
        all.map(|x| x.to_array()[lane].to_bits()).collect()
    }

    pub fn position_is_finite(&self, lane: usize) -> bool {
        self.x.iter().all(|x| x.to_array()[lane].is_finite())
    }

    /// Whether every lane holds numbers, and the log-density that `density` has there.
    pub fn assert_sound(&self, density: &dyn LogDensity, what: &str) {
        let mut memory = room(density.scratch_len());
        let found = density.log_density(&self.x, Scratch::new(&mut memory)).unwrap().to_array();
        for (lane, (found, cached)) in found.iter().zip(self.log_density.to_array()).enumerate() {
            assert!(self.position_is_finite(lane), "{what}: lane {lane} is at {:?}", self.x);
            assert_eq!(cached.to_bits(), found.to_bits(), "{what}: lane {lane} {cached} {found}");
        }
    }
}

pub fn room(len: usize) -> Vec<f64x8> {
    vec![f64x8::splat(f64::NAN); len]
}

/// Calls `body` with workspace and a stream.
pub fn with_context<R>(len: usize, round: u64, body: impl FnOnce(Context<'_>) -> R) -> R {
    let mut memory = room(len);
    let mut stream: Stream = Key::new(4, Purpose::User).round(round).stream();
    let mut evaluations = Evaluations::default();
    let scratch = Scratch::new(&mut memory);
    body(Context { stream: &mut stream, scratch, evaluations: &mut evaluations })
}
