//! The passes over a network: forward, back to the input, along a direction, and back to weights and input.
//!
//! Write `o(x)` for the outputs, `p` for adjoints of the first pass back and a dot for derivatives along a direction
//! `v`. With `phi = <w, o(x)>` for fixed output weights `w`:
//!
//! - [`Network::gradient`]: `grad_x phi`, keeping `p` of every layer;
//! - [`Network::tangent`]: `d/ds o(x + s v)`;
//! - [`Network::adjoint`]: from the adjoint `q` of `o` to those of everything else. After a tangent pass it
//!   differentiates `<q, o> + <w, do>`, whose second term is `<v, grad_x phi>`: the adjoint of a layer's tangent is
//!   `p` again, and that of its value picks up `p phi'' ds`. Back at the input it gives `H v` for `q = 0`, and at the
//!   weights `p dh^T + q h^T`: the gradient of any loss that reads a gradient.
//!
//! Source: Pearlmutter 1994, Fast exact multiplication by the Hessian, Neural Comput. 6 (the operator `R`).

use super::activation::{Local, activate, add_adjoint, add_product, multiply_by, product, scale};
use super::matrix::{Matrix, multiply};
use super::shape::{Layer, MOST_ACTIVATIONS, Part, Shape};
use super::tape::{Rows, Tape, rows, take};
use super::{Network, Real};

/// What the time features of the points are.
#[derive(Debug, Clone, Copy)]
pub enum Times<'a, T> {
    /// Features of each point, `[E x n]`.
    Each(&'a [T]),
    /// All points share a time: `T e` of every layer, one after the other ([`Network::time_terms`]).
    Shared(&'a [T]),
}

/// Where the gradient of the weights goes, with what it is made of besides the tape.
#[derive(Debug)]
pub struct Sink<'a, T> {
    /// The gradient, in the order of the parameters; added to.
    pub gradient: &'a mut [T],
    /// Inputs, `[d x n]`.
    pub x: &'a [T],
    /// Time features, `[E x n]`.
    pub features: &'a [T],
    /// After a tangent pass: its direction `v` and the output weights `w` of the gradient pass, `[d x n]` both.
    pub second: Option<(&'a [T], &'a [T])>,
}

/// One matrix for each activation, to read.
type Views<'a, T> = [&'a [T]; MOST_ACTIVATIONS];

fn views<'a, T>(rows: &'a Rows<'_, T>) -> Views<'a, T> {
    rows.each_ref().map(|row| &**row)
}

/// What is kept of `n` points for derivatives along `m` directions at each: `phi'` and `p phi''`.
#[derive(Debug, Clone, Copy)]
struct Kept<'a, T> {
    first: Views<'a, T>,
    bend: Views<'a, T>,
    points: usize,
    directions: usize,
}

impl<'a, T> Kept<'a, T> {
    fn local(&self, index: usize) -> Local<'a, T> {
        let (first, bend) = (self.first[index], self.bend[index]);
        Local { first, bend, points: self.points, directions: self.directions }
    }
}

/// What the forward pass fills.
struct Slots<'t, 'm, T> {
    value: &'t mut Rows<'m, T>,
    first: &'t mut Rows<'m, T>,
    bend: &'t mut Rows<'m, T>,
}

impl<T: Real> Slots<'_, '_, T> {
    /// `phi(s)`, in its place if it is kept and in `passing` otherwise.
    fn activate<'a>(&'a mut self, index: usize, s: &[T], passing: &'a mut [T]) -> &'a [T] {
        let slot = &mut *self.value[index];
        let value = if slot.is_empty() { passing } else { slot };
        let [first, bend] = [&mut self.first[index], &mut self.bend[index]]
            .map(|slot| (!slot.is_empty()).then_some(&mut **slot));
        activate(s, value, first, bend);
        value
    }
}

impl<T: Real> Network<T> {
    fn weight(&self, layer: Layer) -> Matrix<'_, T> {
        self.matrix(Part::Weight(layer))
    }

    /// A matrix of the network.
    pub(super) fn matrix(&self, part: Part) -> Matrix<'_, T> {
        let (rows, columns) = self.shape.size(part);
        Matrix::new(&self.parameters[self.shape.range(part)], rows, columns)
    }

    /// `out = W h + T e`, or with `onto` added to what `out` holds.
    fn affine(&self, layer: Layer, h: &[T], times: &Times<'_, T>, out: &mut [T], onto: bool) {
        let (rows, columns) = self.shape.sizes(layer);
        let points = h.len() / columns;
        let h = Matrix::new(h, columns, points);
        match times {
            Times::Each(features) => {
                multiply(out, self.weight(layer), h, onto);
                let features = Matrix::new(features, self.shape.features, points);
                multiply(out, self.matrix(Part::Time(layer)), features, true);
            }
            Times::Shared(terms) => {
                let start = self.shape.index(layer) * self.shape.channels;
                let terms = &terms[start..start + rows];
                for (row, &term) in out.chunks_exact_mut(points).zip(terms) {
                    if onto {
                        row.iter_mut().for_each(|out| *out += term);
                    } else {
                        row.fill(term);
                    }
                }
                multiply(out, self.weight(layer), h, true);
            }
        }
    }

    /// `out = W h`, or with `onto` added to what `out` holds.
    fn linear(&self, layer: Layer, h: &[T], out: &mut [T], onto: bool) {
        let columns = self.shape.sizes(layer).1;
        multiply(out, self.weight(layer), Matrix::new(h, columns, h.len() / columns), onto);
    }

    /// `out = W^T p`.
    fn back(&self, layer: Layer, p: &[T], out: &mut [T]) {
        let rows = self.shape.sizes(layer).0;
        let p = Matrix::new(p, rows, p.len() / rows);
        multiply(out, self.weight(layer).transposed(), p, false);
    }

    /// Numbers of [`Network::time_terms`].
    pub fn time_terms_len(shape: &Shape) -> usize {
        shape.index(Layer::Output) * shape.channels + shape.dim
    }

    /// `T e` of every layer for one time `e` `[E]`, for [`Times::Shared`].
    pub fn time_terms(&self, features: &[T], out: &mut [T]) {
        for layer in self.shape.layers() {
            let start = self.shape.index(layer) * self.shape.channels;
            let out = &mut out[start..start + self.shape.sizes(layer).0];
            let features = Matrix::new(features, self.shape.features, 1);
            multiply(out, self.matrix(Part::Time(layer)), features, false);
        }
    }

    /// Outputs `o(x)` `[d x n]` of `x` `[d x n]`; the tape keeps what it has room for.
    pub fn forward(&self, x: &[T], times: &Times<'_, T>, tape: &mut Tape<'_, T>, out: &mut [T]) {
        let Tape { value, first, bend, stream, passing, other, .. } = tape;
        let mut slots = Slots { value, first, bend };
        self.affine(Layer::Input, x, times, stream, false);
        for block in 0..self.shape.blocks {
            let h = slots.activate(2 * block, stream, passing);
            self.affine(Layer::First(block), h, times, other, false);
            let h = slots.activate(2 * block + 1, other, passing);
            self.affine(Layer::Second(block), h, times, stream, true);
        }
        let h = slots.activate(2 * self.shape.blocks, stream, passing);
        self.affine(Layer::Output, h, times, out, false);
    }

    /// `out = grad_x <w, o(x)>` `[d x n]` after a forward pass, for output weights `w` `[d x n]`.
    pub fn gradient(&self, w: &[T], tape: &mut Tape<'_, T>, out: &mut [T]) {
        let Tape { first, bend, adjoint, stream, passing, other, .. } = tape;
        let mut keep = |index: usize, p: &[T], of_input: &[T]| {
            if !bend[index].is_empty() {
                multiply_by(bend[index], p);
            }
            if !adjoint[index].is_empty() {
                adjoint[index].copy_from_slice(of_input);
            }
        };
        let last = 2 * self.shape.blocks;
        self.back(Layer::Output, w, passing);
        product(stream, passing, first[last]);
        keep(last, passing, stream);
        for block in (0..self.shape.blocks).rev() {
            self.back(Layer::Second(block), stream, passing);
            product(other, passing, first[2 * block + 1]);
            keep(2 * block + 1, passing, other);
            self.back(Layer::First(block), other, passing);
            add_product(stream, passing, first[2 * block]);
            keep(2 * block, passing, stream);
        }
        self.back(Layer::Input, stream, out);
    }

    /// `out = d/ds o(x + s v)` `[d x n]` after a gradient pass, for directions `v` `[d x n]`.
    pub fn tangent(&self, v: &[T], tape: &mut Tape<'_, T>, out: &mut [T]) {
        let Tape { first, bend, tangent, value_tangent, passing, .. } = tape;
        let (first, bend) = (views(first), views(bend));
        let points = v.len() / self.shape.dim;
        let kept = Kept { first, bend, points, directions: 1 };
        self.tangents(v, &kept, (tangent, value_tangent), passing, out);
    }

    /// The tangent pass over what is kept; fills tangents and, where there is room, those of the values.
    fn tangents(
        &self,
        v: &[T],
        kept: &Kept<'_, T>,
        (tangent, value_tangent): (&mut Rows<'_, T>, &mut Rows<'_, T>),
        passing: &mut [T],
        out: &mut [T],
    ) {
        self.linear(Layer::Input, v, tangent[0], false);
        let last = 2 * self.shape.blocks;
        for index in 0..=last {
            let slot = &mut *value_tangent[index];
            let h = if slot.is_empty() { &mut *passing } else { slot };
            scale(h, tangent[index], kept.local(index));
            if index == last {
                self.linear(Layer::Output, h, out, false);
            } else if index % 2 == 0 {
                self.linear(Layer::First(index / 2), h, tangent[index + 1], false);
            } else {
                let (done, next) = tangent.split_at_mut(index + 1);
                next[0].copy_from_slice(done[index - 1]);
                self.linear(Layer::Second(index / 2), h, next[0], true);
            }
        }
    }

    /// Adds to the gradient of the weights what an adjoint `q` `[d x n]` of the outputs contributes and, after a
    /// tangent pass (`sink.second`), the adjoint `w` of the outputs' tangent.
    pub fn adjoint(&self, q: &[T], tape: &mut Tape<'_, T>, sink: &mut Sink<'_, T>) {
        let Tape { value, first, bend, adjoint, tangent, value_tangent, stream, passing, other } =
            tape;
        let (value, adjoint, value_tangent) = (views(value), views(adjoint), views(value_tangent));
        let points = q.len() / self.shape.dim;
        let kept = Kept { first: views(first), bend: views(bend), points, directions: 1 };
        let tangent = sink.second.map(|_| views(tangent));
        let pair = |p: usize, dh: usize| tangent.map(|_| (adjoint[p], value_tangent[dh]));

        let last = 2 * self.shape.blocks;
        let second = sink.second.map(|(_, w)| (w, value_tangent[last]));
        self.collect(Layer::Output, (q, value[last]), second, sink);
        self.back(Layer::Output, q, passing);
        stream.fill(T::default());
        pull(stream, passing, tangent, &kept, last);
        for block in (0..self.shape.blocks).rev() {
            let (outer, inner) = (2 * block, 2 * block + 1);
            let second = pair(inner + 1, inner);
            self.collect(Layer::Second(block), (stream, value[inner]), second, sink);
            self.back(Layer::Second(block), stream, passing);
            other.fill(T::default());
            pull(other, passing, tangent, &kept, inner);
            self.collect(Layer::First(block), (other, value[outer]), pair(inner, outer), sink);
            self.back(Layer::First(block), other, passing);
            pull(stream, passing, tangent, &kept, outer);
        }
        let second = sink.second.map(|(v, _)| (adjoint[0], v));
        self.collect(Layer::Input, (stream, sink.x), second, sink);
    }

    /// `W += q h^T + p dh^T`, `T += q e^T` of the gradient of one layer.
    fn collect(
        &self,
        layer: Layer,
        (q, h): (&[T], &[T]),
        second: Option<(&[T], &[T])>,
        sink: &mut Sink<'_, T>,
    ) {
        let (rows, columns) = self.shape.sizes(layer);
        let points = h.len() / columns;
        let weight = &mut sink.gradient[self.shape.range(Part::Weight(layer))];
        let mut add = |q: &[T], h: &[T]| {
            let h = Matrix::new(h, columns, points).transposed();
            multiply(weight, Matrix::new(q, rows, points), h, true);
        };
        add(q, h);
        if let Some((p, dh)) = second {
            add(p, dh);
        }
        let time = &mut sink.gradient[self.shape.range(Part::Time(layer))];
        let features = Matrix::new(sink.features, self.shape.features, points).transposed();
        multiply(time, Matrix::new(q, rows, points), features, true);
    }

    /// Numbers of workspace that [`Network::second_derivative`] takes.
    pub fn second_derivative_len(shape: &Shape, points: usize, directions: usize) -> usize {
        (shape.activations() + 3) * shape.channels * points * directions
    }

    /// Numbers that [`Keep::Linearization`](super::Keep) keeps in front of its tape.
    pub fn linearization_len(shape: &Shape, points: usize) -> usize {
        2 * shape.activations() * shape.channels * points
    }

    /// Along `m` directions `v` `[d x m n]` at each of `n` points: `out_tangent = d/ds o(x + s v)` and
    /// `out_gradient = d/ds grad_x <w, o> + grad_x <q, o>`, all `[d x m n]`, with `q` the adjoint of the outputs,
    /// from what a gradient pass with weights `w` kept (`kept`, [`Network::linearization_len`]).
    ///
    /// With `q = dw/ds` the second is the derivative of `grad_x <w, o>` where `w` moves along too.
    pub fn second_derivative(
        &self,
        (kept, points): (&[T], usize),
        (v, q): (&[T], &[T]),
        (out_tangent, out_gradient): (&mut [T], &mut [T]),
        mut memory: &mut [T],
    ) {
        let (channels, activations) = (self.shape.channels, self.shape.activations());
        let directions = v.len() / (self.shape.dim * points).max(1);
        let each = channels * points;
        let view =
            |matrix: usize| -> &[T] { kept.get(matrix * each..(matrix + 1) * each).unwrap_or(&[]) };
        let pick = |start: usize| {
            std::array::from_fn(|i| if i < activations { view(start + i) } else { &[] })
        };
        let kept = Kept { first: pick(0), bend: pick(activations), points, directions };
        let len = each * directions;
        let mut tangent = rows(&mut memory, activations, len, true);
        let [stream, passing, other] = std::array::from_fn(|_| take(&mut memory, len));
        let mut none = rows(&mut memory, 0, 0, false);
        self.tangents(v, &kept, (&mut tangent, &mut none), passing, out_tangent);

        let tangent = Some(views(&tangent));
        self.back(Layer::Output, q, passing);
        stream.fill(T::default());
        pull(stream, passing, tangent, &kept, activations - 1);
        for block in (0..self.shape.blocks).rev() {
            self.back(Layer::Second(block), stream, passing);
            other.fill(T::default());
            pull(other, passing, tangent, &kept, 2 * block + 1);
            self.back(Layer::First(block), other, passing);
            pull(stream, passing, tangent, &kept, 2 * block);
        }
        self.back(Layer::Input, stream, out_gradient);
    }
}

/// Adds to the adjoint of an activation's input what the adjoint `q` of its value gives.
fn pull<T: Real>(
    out: &mut [T],
    q: &[T],
    tangent: Option<Views<'_, T>>,
    kept: &Kept<'_, T>,
    index: usize,
) {
    match tangent {
        Some(tangent) => add_adjoint(out, q, tangent[index], kept.local(index)),
        None => add_product(out, q, kept.first[index]),
    }
}
