//! The activation `phi(s) = s sigmoid(s)` (SiLU) and the element-wise products of its adjoints.
//!
//! `phi' = y + s y (1 - y)` and `phi'' = y (1 - y)(2 + s (1 - 2 y))` with `y = sigmoid(s)`. Loops over slices that
//! the compiler vectorizes; they run as [`Task`]s, so the instructions are those of this processor.

use amc_core::simd::{Lanes, Task, dispatch};

use super::Real;

/// `(phi, phi', phi'')`.
#[inline(always)]
fn silu<T: Real>(s: T) -> (T, T, T) {
    let (one, two) = (T::from_f64(1.0), T::from_f64(2.0));
    let y = one / (one + (-s).exp());
    let slope = y * (one - y);
    (s * y, y + s * slope, slope * (two + s * (one - two * y)))
}

/// Fills `phi(s)` and, where they are asked for, its derivatives; all of one length.
pub(super) fn activate<T: Real>(
    s: &[T],
    value: &mut [T],
    first: Option<&mut [T]>,
    second: Option<&mut [T]>,
) {
    dispatch(Activate { s, value, first, second });
}

struct Activate<'a, T> {
    s: &'a [T],
    value: &'a mut [T],
    first: Option<&'a mut [T]>,
    second: Option<&'a mut [T]>,
}

impl<T: Real> Task for Activate<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<V: Lanes>(self) {
        match (self.first, self.second) {
            (Some(first), Some(second)) => {
                let derivatives = first.iter_mut().zip(second);
                for ((&s, value), (first, second)) in self.s.iter().zip(self.value).zip(derivatives)
                {
                    (*value, *first, *second) = silu(s);
                }
            }
            (Some(first), None) => {
                for ((&s, value), first) in self.s.iter().zip(self.value).zip(first) {
                    (*value, *first, _) = silu(s);
                }
            }
            _ => {
                for (&s, value) in self.s.iter().zip(self.value) {
                    (*value, _, _) = silu(s);
                }
            }
        }
    }
}

/// `out = a b`, element by element.
pub(super) fn product<T: Real>(out: &mut [T], a: &[T], b: &[T]) {
    dispatch(Product { out, a, b });
}

struct Product<'a, T> {
    out: &'a mut [T],
    a: &'a [T],
    b: &'a [T],
}

impl<T: Real> Task for Product<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<V: Lanes>(self) {
        for ((out, &a), &b) in self.out.iter_mut().zip(self.a).zip(self.b) {
            *out = a * b;
        }
    }
}

/// `out *= a`, element by element.
pub(super) fn multiply_by<T: Real>(out: &mut [T], a: &[T]) {
    dispatch(MultiplyBy { out, a });
}

struct MultiplyBy<'a, T> {
    out: &'a mut [T],
    a: &'a [T],
}

impl<T: Real> Task for MultiplyBy<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<V: Lanes>(self) {
        for (out, &a) in self.out.iter_mut().zip(self.a) {
            *out *= a;
        }
    }
}

/// `out += a b`, element by element.
pub(super) fn add_product<T: Real>(out: &mut [T], a: &[T], b: &[T]) {
    dispatch(AddProduct { out, a, b });
}

struct AddProduct<'a, T> {
    out: &'a mut [T],
    a: &'a [T],
    b: &'a [T],
}

impl<T: Real> Task for AddProduct<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<V: Lanes>(self) {
        for ((out, &a), &b) in self.out.iter_mut().zip(self.a).zip(self.b) {
            *out += a * b;
        }
    }
}

/// What one activation does to derivatives along `m` directions of `n` points: `[c x m n]` beside what is kept of
/// the points, `[c x n]`.
#[derive(Clone, Copy)]
pub(super) struct Local<'a, T> {
    /// `phi'(s)`, `[c x n]`.
    pub(super) first: &'a [T],
    /// `p phi''(s)` with the adjoint `p` of the value, `[c x n]`.
    pub(super) bend: &'a [T],
    /// Points `n`.
    pub(super) points: usize,
    /// Directions `m`.
    pub(super) directions: usize,
}

/// `out = phi' a`: the tangent of a value from that of its input, and the adjoint of the input from that of the value.
pub(super) fn scale<T: Real>(out: &mut [T], a: &[T], local: Local<'_, T>) {
    dispatch(Scale { out, a, local });
}

struct Scale<'a, T> {
    out: &'a mut [T],
    a: &'a [T],
    local: Local<'a, T>,
}

impl<T: Real> Task for Scale<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<V: Lanes>(self) {
        let Local { first, points, directions, .. } = self.local;
        let width = points * directions;
        let rows = self.out.chunks_exact_mut(width).zip(self.a.chunks_exact(width));
        for ((out, a), first) in rows.zip(first.chunks_exact(points)) {
            for (out, a) in out.chunks_exact_mut(points).zip(a.chunks_exact(points)) {
                for ((out, &a), &first) in out.iter_mut().zip(a).zip(first) {
                    *out = a * first;
                }
            }
        }
    }
}

/// `out += q phi' + tangent p phi''`: the adjoint of an activation's input, where `q` and `p` are the adjoints of its
/// value and of the value's tangent, and `tangent` is that of the input.
pub(super) fn add_adjoint<T: Real>(out: &mut [T], q: &[T], tangent: &[T], local: Local<'_, T>) {
    dispatch(AddAdjoint { out, q, tangent, local });
}

struct AddAdjoint<'a, T> {
    out: &'a mut [T],
    q: &'a [T],
    tangent: &'a [T],
    local: Local<'a, T>,
}

impl<T: Real> Task for AddAdjoint<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<V: Lanes>(self) {
        let Local { first, bend, points, directions } = self.local;
        let width = points * directions;
        let rows = self.out.chunks_exact_mut(width).zip(self.q.chunks_exact(width));
        let rows = rows.zip(self.tangent.chunks_exact(width));
        let kept = first.chunks_exact(points).zip(bend.chunks_exact(points));
        for (((out, q), tangent), (first, bend)) in rows.zip(kept) {
            let columns = out.chunks_exact_mut(points).zip(q.chunks_exact(points));
            for ((out, q), tangent) in columns.zip(tangent.chunks_exact(points)) {
                let kept = first.iter().zip(bend);
                for (((out, &q), &tangent), (&first, &bend)) in
                    out.iter_mut().zip(q).zip(tangent).zip(kept)
                {
                    *out += q * first + tangent * bend;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails if the value or a derivative of the activation is off, tails included.
    #[test]
    fn derivatives_agree_with_differences() {
        let s: Vec<f64> = (-60..=60).map(|i| f64::from(i) * 0.51 + 0.07).collect();
        let at = |shift: f64| {
            let moved: Vec<f64> = s.iter().map(|s| s + shift).collect();
            let [mut value, mut first, mut second] = [(); 3].map(|()| vec![0.0; moved.len()]);
            activate(&moved, &mut value, Some(&mut first), Some(&mut second));
            (value, first, second)
        };
        let step = 1e-5;
        let (value, first, second) = at(0.0);
        let (up, down) = (at(step), at(-step));
        for i in 0..s.len() {
            let exact = s[i] / (1.0 + libm::exp(-s[i]));
            assert!((value[i] - exact).abs() < 1e-15 * (1.0 + exact.abs()));
            let slope = (up.0[i] - down.0[i]) / (2.0 * step);
            let bend = (up.1[i] - down.1[i]) / (2.0 * step);
            assert!((first[i] - slope).abs() < 1e-9, "{} {slope}", first[i]);
            assert!((second[i] - bend).abs() < 1e-9, "{} {bend}", second[i]);
        }
    }
}
