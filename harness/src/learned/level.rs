//! A model at one level: its constants prepared once, its log-density, score and Hessian at blocks of particles.
//!
//! Particles come in blocks of eight lanes in double precision; up to [`BLOCKS`] of them go through the network
//! together, in its own precision. What is not network is computed in double precision. All memory is the caller's.

use amc_core::error::{Error, Result, check_len};
use amc_core::scratch::Scratch;
use amc_core::simd::{LANES, f64x8, splat};

use super::model::{Model, Precondition};
use super::network::{Head, Keep, Network, Outputs, Real, Response, Shape, Tape, Times};
use super::noise::{FEATURES, SignalNoise};

/// Blocks that go through the network together.
pub const BLOCKS: usize = 16;

/// Directions whose Hessian-vector products at one block are made together.
const DIRECTIONS: usize = 16;

/// `log(2 pi)`.
const LOG_TWO_PI: f64 = 1.837_877_066_409_345_3;

/// What a level of a model offers, whatever its precision is.
pub trait ModelLevel: Send + Sync {
    /// The dimension `d`.
    fn dim(&self) -> usize;

    /// Whether there is a log-density (and so a Hessian): energy networks have one.
    fn has_density(&self) -> bool;

    /// Workspace, in vectors, of [`ModelLevel::evaluate`].
    fn scratch_len(&self) -> usize;

    /// Log-densities `[B]` and scores `[B x d]` at `x` `[B x d]`; either may be empty if it is not wanted.
    ///
    /// # Errors
    /// Wrong lengths, a short workspace, or log-densities of a model without.
    fn evaluate(
        &self,
        x: &[f64x8],
        log_densities: &mut [f64x8],
        scores: &mut [f64x8],
        scratch: Scratch<'_>,
    ) -> Result<()>;

    /// Workspace, in vectors, of the three methods below.
    fn hessian_scratch_len(&self) -> usize;

    /// Vectors that [`ModelLevel::linearize`] keeps.
    fn linearization_len(&self) -> usize;

    /// Keeps in `memory` what products with the Hessian at `x` `[d]` share.
    ///
    /// # Errors
    /// Wrong lengths, a short workspace, or a model without density.
    fn linearize(&self, x: &[f64x8], memory: &mut [f64x8], scratch: Scratch<'_>) -> Result<()>;

    /// `out = H v` for `m` vectors `v` `[m x d]`.
    ///
    /// # Errors
    /// Wrong lengths or a short workspace.
    fn products(
        &self,
        memory: &[f64x8],
        v: &[f64x8],
        out: &mut [f64x8],
        scratch: Scratch<'_>,
    ) -> Result<()>;
}

/// A model at one level.
#[derive(Debug)]
pub struct NetworkLevel<'a, T> {
    model: &'a Model<T>,
    level: SignalNoise,
    constants: Precondition,
    /// `T e` of every layer.
    terms: Vec<T>,
    gain: Vec<T>,
    linear: Vec<T>,
}

impl<'a, T: Real> NetworkLevel<'a, T> {
    /// The model at a level.
    pub fn new(model: &'a Model<T>, level: SignalNoise) -> Self {
        let mut features = vec![T::default(); FEATURES];
        model.noise.features(&[level.log_snr()], &mut features);
        let network = &model.network;
        let mut terms = vec![T::default(); Network::<T>::time_terms_len(&network.shape)];
        network.time_terms(&features, &mut terms);
        let (mut gain, mut linear) =
            (vec![T::default(); model.dim()], vec![T::default(); model.dim()]);
        network.response(&features, &mut gain, &mut linear);
        let constants = model.moments.precondition(level);
        Self { model, level, constants, terms, gain, linear }
    }

    fn shape(&self) -> &Shape {
        &self.model.network.shape
    }

    /// Vectors of eight doubles that hold so many numbers.
    fn vectors(numbers: usize) -> usize {
        (numbers * T::BYTES).div_ceil(size_of::<f64x8>())
    }

    /// Numbers beside the tape for `points` points.
    fn working(&self, points: usize) -> usize {
        (4 * self.dim() + 1) * points
    }

    /// `z = (x - alpha m)/c` of blocks, channel-major.
    fn standardize(&self, x: &[f64x8], z: &mut [T]) {
        let d = self.dim();
        let points = z.len() / d;
        let inverse = 1.0 / self.constants.scale;
        for (block, x) in x.chunks_exact(d).enumerate() {
            let rows = z.chunks_exact_mut(points).zip(&self.model.moments.mean);
            for ((row, mean), x) in rows.zip(x) {
                let shift = self.level.alpha * mean;
                let lanes = row[block * LANES..][..LANES].iter_mut();
                for (z, x) in lanes.zip(x.as_array()) {
                    *z = T::from_f64((x - shift) * inverse);
                }
            }
        }
    }

    /// Sends up to [`BLOCKS`] blocks through the network; `memory` starts with `z`, `o`, `w`, `F`, `E` and goes on with
    /// the tape. Returns `(z, F, E)`.
    fn pass<'m>(
        &self,
        x: &[f64x8],
        field_wanted: bool,
        keep: Keep,
        memory: &'m mut [T],
    ) -> (&'m [T], &'m [T], &'m [T]) {
        let d = self.dim();
        let points = x.len() / d * LANES;
        let (z, rest) = memory.split_at_mut(d * points);
        let (o, rest) = rest.split_at_mut(d * points);
        let (w, rest) = rest.split_at_mut(d * points);
        let (field, rest) = rest.split_at_mut(d * points);
        let (energy, rest) = rest.split_at_mut(points);
        self.standardize(x, z);
        let field = if field_wanted { field } else { &mut [] };
        let mut tape = Tape::new(self.shape(), points, keep, rest);
        let mut outputs = Outputs { o, w, energy: &mut *energy, field: &mut *field };
        let response = Response { gain: &self.gain, linear: &self.linear };
        let times = Times::Shared(&self.terms);
        let network = &self.model.network;
        network.evaluate(self.model.head, z, (&times, &response), &mut tape, &mut outputs);
        (z, field, energy)
    }

    /// Evaluates up to [`BLOCKS`] blocks.
    fn evaluate_some(
        &self,
        x: &[f64x8],
        (log_densities, scores): (&mut [f64x8], &mut [f64x8]),
        keep: Keep,
        memory: &mut [T],
    ) {
        let d = self.dim();
        let points = x.len() / d * LANES;
        let wanted = !scores.is_empty() || self.model.head == Head::Field;
        let (z, field, energy) = self.pass(x, wanted, keep, memory);
        let Precondition { scale, kappa } = self.constants;
        for (block, scores) in scores.chunks_exact_mut(d).enumerate() {
            for (i, score) in scores.iter_mut().enumerate() {
                let at = i * points + block * LANES;
                *score = f64x8::new(std::array::from_fn(|lane| {
                    let (z, field): (f64, f64) = (z[at + lane].to_f64(), field[at + lane].to_f64());
                    -(z + kappa * field) / scale
                }));
            }
        }
        let constant = d as f64 * (0.5 * LOG_TWO_PI + libm::log(scale));
        for (block, (log_density, x)) in log_densities.iter_mut().zip(x.chunks_exact(d)).enumerate()
        {
            let mut square = splat(0.0);
            for (&x, mean) in x.iter().zip(&self.model.moments.mean) {
                let z = (x - splat(self.level.alpha * mean)) / splat(scale);
                square += z * z;
            }
            let energy =
                f64x8::new(std::array::from_fn(|lane| energy[block * LANES + lane].to_f64()));
            *log_density = splat(-0.5) * square - splat(constant) - splat(kappa) * energy;
        }
    }

    fn refuse_without_density(&self) -> Result<()> {
        let what = "a field network has no log-density";
        if self.has_density() { Ok(()) } else { Err(Error::Unsupported { what }) }
    }
}

impl<T: Real> ModelLevel for NetworkLevel<'_, T> {
    fn dim(&self) -> usize {
        self.model.dim()
    }

    fn has_density(&self) -> bool {
        self.model.head == Head::Energy
    }

    fn scratch_len(&self) -> usize {
        let points = BLOCKS * LANES;
        Self::vectors(self.working(points) + Tape::<T>::len(self.shape(), points, Keep::Gradient))
    }

    fn evaluate(
        &self,
        x: &[f64x8],
        log_densities: &mut [f64x8],
        scores: &mut [f64x8],
        mut scratch: Scratch<'_>,
    ) -> Result<()> {
        let d = self.dim();
        let blocks = x.len() / d;
        check_len("x", blocks * d, x.len())?;
        if !log_densities.is_empty() {
            self.refuse_without_density()?;
            check_len("log-densities", blocks, log_densities.len())?;
        }
        if !scores.is_empty() {
            check_len("scores", blocks * d, scores.len())?;
        }
        let keep =
            if self.has_density() && !scores.is_empty() { Keep::Gradient } else { Keep::Nothing };
        for start in (0..blocks).step_by(BLOCKS) {
            let end = (start + BLOCKS).min(blocks);
            let points = (end - start) * LANES;
            let len = self.working(points) + Tape::<T>::len(self.shape(), points, keep);
            let mut scratch = scratch.reborrow();
            let memory: &mut [T] = bytemuck::cast_slice_mut(scratch.take(Self::vectors(len))?);
            let log_densities = log_densities.get_mut(start..end).unwrap_or(&mut []);
            let scores = scores.get_mut(start * d..end * d).unwrap_or(&mut []);
            let x = &x[start * d..end * d];
            self.evaluate_some(x, (log_densities, scores), keep, memory);
        }
        Ok(())
    }

    fn hessian_scratch_len(&self) -> usize {
        let shape = self.shape();
        let linearize = self.working(LANES) + Tape::<T>::len(shape, LANES, Keep::Linearization);
        let columns = 2 * shape.dim * LANES * DIRECTIONS;
        let products = columns + Network::<T>::derivative_len(shape, LANES, DIRECTIONS);
        self.scratch_len().max(Self::vectors(linearize)).max(Self::vectors(products))
    }

    fn linearization_len(&self) -> usize {
        Self::vectors(Network::<T>::linearization_len(self.shape(), LANES))
    }

    fn linearize(&self, x: &[f64x8], memory: &mut [f64x8], mut scratch: Scratch<'_>) -> Result<()> {
        self.refuse_without_density()?;
        let d = self.dim();
        check_len("x", d, x.len())?;
        check_len("linearization", self.linearization_len(), memory.len())?;
        let keep = Keep::Linearization;
        let len = self.working(LANES) + Tape::<T>::len(self.shape(), LANES, keep);
        let room: &mut [T] = bytemuck::cast_slice_mut(scratch.take(Self::vectors(len))?);
        let tape = self.working(LANES);
        self.pass(x, true, keep, room);
        let kept: &mut [T] = bytemuck::cast_slice_mut(memory);
        let numbers = Network::<T>::linearization_len(self.shape(), LANES);
        kept[..numbers].copy_from_slice(&room[tape..tape + numbers]);
        Ok(())
    }

    fn products(
        &self,
        memory: &[f64x8],
        v: &[f64x8],
        out: &mut [f64x8],
        mut scratch: Scratch<'_>,
    ) -> Result<()> {
        let d = self.dim();
        check_len("linearization", self.linearization_len(), memory.len())?;
        check_len("product", v.len(), out.len())?;
        let kept: &[T] = bytemuck::cast_slice(memory);
        let kept = &kept[..Network::<T>::linearization_len(self.shape(), LANES)];
        let Precondition { scale, kappa } = self.constants;
        // H v = -(v + kappa (dF/dz) v)/c^2.
        let (diagonal, factor) = (splat(-1.0 / (scale * scale)), splat(-kappa / (scale * scale)));
        let response = Response { gain: &self.gain, linear: &self.linear };
        let pieces = v.chunks(d * DIRECTIONS).zip(out.chunks_mut(d * DIRECTIONS));
        for (v, out) in pieces {
            let directions = v.len() / d;
            let columns = directions * LANES;
            let len =
                2 * d * columns + Network::<T>::derivative_len(self.shape(), LANES, directions);
            let mut scratch = scratch.reborrow();
            let room: &mut [T] = bytemuck::cast_slice_mut(scratch.take(Self::vectors(len))?);
            let (along, room) = room.split_at_mut(d * columns);
            let (derivative, room) = room.split_at_mut(d * columns);
            for (direction, v) in v.chunks_exact(d).enumerate() {
                for (row, v) in along.chunks_exact_mut(columns).zip(v) {
                    let lanes = row[direction * LANES..][..LANES].iter_mut();
                    lanes.zip(v.as_array()).for_each(|(to, &v)| *to = T::from_f64(v));
                }
            }
            let network = &self.model.network;
            network.derivative((kept, LANES), &response, along, derivative, room);
            for (direction, (v, out)) in v.chunks_exact(d).zip(out.chunks_exact_mut(d)).enumerate()
            {
                for (i, (&v, out)) in v.iter().zip(out).enumerate() {
                    let at = i * columns + direction * LANES;
                    let moved =
                        f64x8::new(std::array::from_fn(|lane| derivative[at + lane].to_f64()));
                    *out = diagonal * v + factor * moved;
                }
            }
        }
        Ok(())
    }
}
