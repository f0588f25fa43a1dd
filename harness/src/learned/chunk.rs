//! A chunk of a batch: points at levels of their own, evaluated and differentiated together by one thread.

use super::model::Model;
use super::network::{Inputs, Keep, Network, OutputAdjoints, Outputs, Real, Response, Tape, Times};

/// Memory for `n` points and what a model says of them; channel-major, `[rows x n]`.
#[derive(Debug)]
pub(super) struct Chunk<T> {
    points: usize,
    /// Log-SNR of each point, `[n]`.
    pub(super) log_snrs: Vec<f64>,
    /// Standardized inputs, `[d x n]`.
    pub(super) z: Vec<T>,
    /// `F`, `[d x n]`, and its adjoint.
    pub(super) field: Vec<T>,
    pub(super) field_adjoint: Vec<T>,
    /// `E`, `[n]`, and its adjoint.
    pub(super) energy: Vec<T>,
    pub(super) energy_adjoint: Vec<T>,
    features: Vec<T>,
    gain: Vec<T>,
    linear: Vec<T>,
    o: Vec<T>,
    w: Vec<T>,
    tape: Vec<T>,
    back: Vec<T>,
}

/// What of a model a loss reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Read {
    /// `F`.
    Field,
    /// `E`.
    Energy,
}

impl Read {
    fn keep(self, is_energy: bool) -> Keep {
        if self == Self::Field && is_energy { Keep::WeightsOfGradient } else { Keep::Weights }
    }
}

impl<T: Real> Chunk<T> {
    /// Room for `points` points.
    pub(super) fn new(model: &Model<T>, points: usize, read: Read) -> Self {
        let shape = &model.network.shape;
        let keep = read.keep(model.head == super::network::Head::Energy);
        let zeros = |rows: usize| vec![T::default(); rows * points];
        let field = if read == Read::Field { shape.dim } else { 0 };
        Self {
            points,
            log_snrs: vec![0.0; points],
            z: zeros(shape.dim),
            field: zeros(field),
            field_adjoint: zeros(field),
            energy: zeros(1),
            energy_adjoint: zeros(1),
            features: zeros(shape.features),
            gain: zeros(shape.dim),
            linear: zeros(shape.dim),
            o: zeros(shape.dim),
            w: zeros(shape.dim),
            tape: vec![T::default(); Tape::<T>::len(shape, points, keep)],
            back: vec![T::default(); Network::<T>::backpropagate_len(shape, points)],
        }
    }

    /// Evaluates the model at `z` and `log_snrs`: fills `field` or `energy`.
    pub(super) fn evaluate(&mut self, model: &Model<T>, read: Read) {
        let network = &model.network;
        model.noise.features(&self.log_snrs, &mut self.features);
        network.response(&self.features, &mut self.gain, &mut self.linear);
        let keep = read.keep(model.head == super::network::Head::Energy);
        let mut tape = Tape::new(&network.shape, self.points, keep, &mut self.tape);
        let response = Response { gain: &self.gain, linear: &self.linear };
        let mut out = Outputs {
            o: &mut self.o,
            w: &mut self.w,
            energy: &mut self.energy,
            field: &mut self.field,
        };
        let times = Times::Each(&self.features);
        network.evaluate(model.head, &self.z, (&times, &response), &mut tape, &mut out);
    }

    /// Adds to `gradient` that of a loss whose adjoint of what was read is filled in.
    pub(super) fn backpropagate(&mut self, model: &Model<T>, read: Read, gradient: &mut [T]) {
        let network = &model.network;
        let keep = read.keep(model.head == super::network::Head::Energy);
        let mut tape = Tape::new(&network.shape, self.points, keep, &mut self.tape);
        let inputs = Inputs {
            z: &self.z,
            features: &self.features,
            response: Response { gain: &self.gain, linear: &self.linear },
            o: &self.o,
            w: &self.w,
        };
        let (field, energy) = match read {
            Read::Field => (Some(&self.field_adjoint[..]), None),
            Read::Energy => (None, Some(&self.energy_adjoint[..])),
        };
        let adjoints = OutputAdjoints { field, energy };
        let sinks = (gradient, &mut self.back[..]);
        network.backpropagate(model.head, &inputs, &adjoints, &mut tape, sinks);
    }
}
