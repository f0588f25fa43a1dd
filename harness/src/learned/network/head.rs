//! From the outputs `o` of a network to an energy with its gradient, or to a field.
//!
//! With the gain `g = 1 + G e` and the linear response `l = L e` of the time features, coordinate by coordinate,
//!
//! ```text
//! energy:  E = sum_i g_i o_i z_i + l_i z_i^2,   field F = grad E = g o + grad_z <w, o> + 2 l z,   w = g z
//! field:   F = g o + l z
//! ```
//!
//! An energy in dot form, `E = NN(z) . z`, whose network has a linear part of its own: inside one mode scores are linear
//! in `z` with a slope that depends on time alone, which a network with additive time features finds hard.
//! With zero output weights, `G` and `L` both are 0 everywhere.

use super::matrix::{Matrix, multiply};
use super::passes::{Sink, Times};
use super::shape::{Part, Shape};
use super::tape::Tape;
use super::{Network, Real};

/// What the outputs of a network mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Head {
    /// An energy, whose gradient is the field.
    Energy,
    /// The field itself.
    Field,
}

/// Gain and linear response, of each point or shared by all.
#[derive(Debug, Clone, Copy)]
pub struct Response<'a, T> {
    /// `g`, `[d x n]` or `[d]`.
    pub gain: &'a [T],
    /// `l`, of the same size.
    pub linear: &'a [T],
}

impl<T: Real> Response<'_, T> {
    /// `(g_i, l_i)` of point `j` of `n`.
    #[inline(always)]
    fn at(&self, dim: usize, i: usize, j: usize) -> (T, T) {
        let n = self.gain.len() / dim;
        let index = if n == 1 { i } else { i * n + j };
        (self.gain[index], self.linear[index])
    }
}

/// What comes out of an evaluation of `n` points, in the caller's memory.
#[derive(Debug)]
pub struct Outputs<'a, T> {
    /// `o`, `[d x n]`.
    pub o: &'a mut [T],
    /// The output weights `w` of an energy, `[d x n]`.
    pub w: &'a mut [T],
    /// `E`, `[n]`; left alone by a field.
    pub energy: &'a mut [T],
    /// `F`, `[d x n]`; empty where it is not wanted.
    pub field: &'a mut [T],
}

/// Adjoints of what came out.
#[derive(Debug, Clone, Copy)]
pub struct OutputAdjoints<'a, T> {
    /// Of `F`, `[d x n]`, if it was read.
    pub field: Option<&'a [T]>,
    /// Of `E`, `[n]`, if it was read.
    pub energy: Option<&'a [T]>,
}

impl<T: Real> Network<T> {
    /// `g` and `l` for features `[E x n]`, into `[d x n]` each.
    pub fn response(&self, features: &[T], gain: &mut [T], linear: &mut [T]) {
        let features =
            Matrix::new(features, self.shape.features, features.len() / self.shape.features);
        multiply(gain, self.matrix(Part::Gain), features, false);
        gain.iter_mut().for_each(|gain| *gain += T::from_f64(1.0));
        multiply(linear, self.matrix(Part::Linear), features, false);
    }

    /// Evaluates points `z` `[d x n]`.
    pub fn evaluate(
        &self,
        head: Head,
        z: &[T],
        (times, response): (&Times<'_, T>, &Response<'_, T>),
        tape: &mut Tape<'_, T>,
        out: &mut Outputs<'_, T>,
    ) {
        let d = self.shape.dim;
        let n = z.len() / d;
        self.forward(z, times, tape, out.o);
        if head == Head::Field {
            for i in 0..d {
                for j in 0..n {
                    let (gain, linear) = response.at(d, i, j);
                    out.field[i * n + j] = gain * out.o[i * n + j] + linear * z[i * n + j];
                }
            }
            return;
        }
        out.energy.fill(T::default());
        for i in 0..d {
            for (j, energy) in out.energy.iter_mut().enumerate() {
                let ((gain, linear), at) = (response.at(d, i, j), i * n + j);
                out.w[at] = gain * z[at];
                *energy += out.w[at] * out.o[at] + linear * z[at] * z[at];
            }
        }
        if out.field.is_empty() {
            return;
        }
        self.gradient(out.w, tape, out.field);
        let two = T::from_f64(2.0);
        for i in 0..d {
            for j in 0..n {
                let ((gain, linear), at) = (response.at(d, i, j), i * n + j);
                out.field[at] += gain * out.o[at] + two * linear * z[at];
            }
        }
    }

    /// Adds to `gradient` that of a loss whose adjoints with respect to what [`Network::evaluate`] gave are known.
    ///
    /// The tape must have kept the weights' part: [`Keep::WeightsOfGradient`](super::Keep) where an energy's field
    /// was read. `memory` takes [`Network::backpropagate_len`] numbers.
    pub fn backpropagate(
        &self,
        head: Head,
        inputs: &Inputs<'_, T>,
        adjoints: &OutputAdjoints<'_, T>,
        tape: &mut Tape<'_, T>,
        (gradient, memory): (&mut [T], &mut [T]),
    ) {
        let Inputs { z, features, response, o, w } = *inputs;
        let d = self.shape.dim;
        let n = z.len() / d;
        let (q, rest) = memory.split_at_mut(d * n);
        let (tangent, rest) = rest.split_at_mut(d * n);
        let (of_gain, rest) = rest.split_at_mut(d * n);
        let of_linear = &mut rest[..d * n];
        let two = T::from_f64(2.0);
        let along = adjoints.field.filter(|_| head == Head::Energy);
        if let Some(v) = along {
            self.tangent(v, tape, tangent);
        }
        for i in 0..d {
            for j in 0..n {
                let ((gain, _), at) = (response.at(d, i, j), i * n + j);
                let (z, o) = (z[at], o[at]);
                let field = adjoints.field.map_or_else(T::default, |field| field[at]);
                let energy = adjoints.energy.map_or_else(T::default, |energy| energy[j]);
                (q[at], of_gain[at], of_linear[at]) = match head {
                    Head::Field => (gain * field, field * o, field * z),
                    Head::Energy => {
                        let bent = if along.is_some() { tangent[at] * z } else { T::default() };
                        let moved = field + energy * z;
                        (gain * moved, bent + o * moved, two * z * field + energy * z * z)
                    }
                };
            }
        }
        let second = along.map(|v| (v, w));
        let mut sink = Sink { gradient, x: z, features, second };
        self.adjoint(q, tape, &mut sink);
        let features = Matrix::new(features, self.shape.features, n).transposed();
        for (part, of_part) in [(Part::Gain, &*of_gain), (Part::Linear, &*of_linear)] {
            let target = &mut sink.gradient[self.shape.range(part)];
            multiply(target, Matrix::new(of_part, d, n), features, true);
        }
    }

    /// Numbers of workspace of [`Network::backpropagate`].
    pub fn backpropagate_len(shape: &Shape, points: usize) -> usize {
        4 * shape.dim * points
    }

    /// `out = (dF/dz) v` along `m` directions `[d x m n]` at each of `n` points, from a [linearization](super::Keep):
    /// the Hessian of an energy.
    ///
    /// `memory` takes [`Network::derivative_len`] numbers.
    pub fn derivative(
        &self,
        (kept, points): (&[T], usize),
        response: &Response<'_, T>,
        v: &[T],
        out: &mut [T],
        memory: &mut [T],
    ) {
        let d = self.shape.dim;
        let columns = v.len() / d;
        let (q, rest) = memory.split_at_mut(v.len());
        let (tangent, rest) = rest.split_at_mut(v.len());
        for i in 0..d {
            for j in 0..columns {
                q[i * columns + j] = response.at(d, i, 0).0 * v[i * columns + j];
            }
        }
        self.second_derivative((kept, points), (v, q), (tangent, out), rest);
        let two = T::from_f64(2.0);
        for i in 0..d {
            let (gain, linear) = response.at(d, i, 0);
            for at in i * columns..(i + 1) * columns {
                out[at] += gain * tangent[at] + two * linear * v[at];
            }
        }
    }

    /// Numbers of workspace of [`Network::derivative`].
    pub fn derivative_len(shape: &Shape, points: usize, directions: usize) -> usize {
        2 * shape.dim * points * directions + Self::second_derivative_len(shape, points, directions)
    }
}

/// What an evaluation was made of, for the way back.
#[derive(Debug, Clone, Copy)]
pub struct Inputs<'a, T> {
    /// Points, `[d x n]`.
    pub z: &'a [T],
    /// Time features, `[E x n]`.
    pub features: &'a [T],
    /// Gain and linear response of each point.
    pub response: Response<'a, T>,
    /// Outputs, `[d x n]`.
    pub o: &'a [T],
    /// Output weights of an energy, `[d x n]`.
    pub w: &'a [T],
}
