//! From a kernel that is generic over [`Lanes`] to the instructions of this processor.
//!
//! A [`Task`] holds the arguments of a kernel; [`dispatch`] calls its `run` inside a function compiled
//! for the [instructions in force](Instructions::current). Everything that `run` calls must be
//! inlined into it: functions that take or return lanes are `#[inline(always)]`, and closures over
//! lanes are avoided, because a closure does not inherit the instructions of its surroundings.

use super::lanes::Lanes;
use super::{Instructions, f64x8};

/// A kernel with its arguments.
///
/// ```
/// use amc_core::simd::{Lanes, Task, dispatch, exp, f64x8};
///
/// /// `out = exp(-x^2)`.
/// struct Bell<'a> {
///     x: &'a [f64x8],
///     out: &'a mut [f64x8],
/// }
///
/// impl Task for Bell<'_> {
///     type Output = ();
///
///     #[inline(always)]
///     fn run<V: Lanes>(self) {
///         for (out, &x) in V::view_mut(self.out).iter_mut().zip(V::view(self.x)) {
///             *out = exp(-(x * x));
///         }
///     }
/// }
///
/// let x = [f64x8::splat(0.5); 3];
/// let mut out = [f64x8::ZERO; 3];
/// dispatch(Bell { x: &x, out: &mut out });
/// assert!((out[2].to_array()[7] - (-0.25_f64).exp()).abs() < 1e-15);
/// ```
pub trait Task {
    /// What the kernel returns.
    type Output;

    /// The kernel; implementations are `#[inline(always)]`.
    fn run<V: Lanes>(self) -> Self::Output;
}

/// Runs a task on the instructions in force.
#[inline]
pub fn dispatch<T: Task>(task: T) -> T::Output {
    match Instructions::current() {
        // SAFETY: a set is in force only if `Instructions::is_available` has confirmed it.
        #[cfg(target_arch = "x86_64")]
        Instructions::Avx512 => unsafe { x86::avx512(task) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Instructions::Avx2 => unsafe { x86::avx2(task) },
        _ => task.run::<f64x8>(),
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::Task;
    use crate::simd::avx2::Avx2;
    use crate::simd::avx512::Avx512;
    use crate::simd::view::View;

    /// # Safety
    /// The processor must have these features.
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
    pub(super) unsafe fn avx512<T: Task>(task: T) -> T::Output {
        task.run::<View<Avx512>>()
    }

    /// # Safety
    /// The processor must have these features.
    #[target_feature(enable = "avx2,fma")]
    pub(super) unsafe fn avx2<T: Task>(task: T) -> T::Output {
        task.run::<View<Avx2>>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::Lanes;

    struct Square([f64x8; 8]);

    impl Task for Square {
        type Output = [f64x8; 8];

        #[inline(always)]
        fn run<V: Lanes>(self) -> [f64x8; 8] {
            V::transpose(self.0.map(V::of)).map(V::vector)
        }
    }

    /// Fails if some instructions transpose a square otherwise than its columns say.
    #[test]
    fn squares_of_every_instruction_set() {
        let square: [f64x8; 8] =
            core::array::from_fn(|i| f64x8::new(core::array::from_fn(|j| (10 * i + j) as f64)));
        let check = |columns: [f64x8; 8]| {
            for (j, column) in columns.iter().enumerate() {
                let expected: [f64; 8] = core::array::from_fn(|i| (10 * i + j) as f64);
                assert_eq!(column.to_array(), expected);
            }
        };
        check(Square(square).run::<f64x8>());
        #[cfg(target_arch = "x86_64")]
        {
            if Instructions::Avx2.is_available() {
                // SAFETY: the instructions are there.
                check(unsafe { x86::avx2(Square(square)) });
            }
            if Instructions::Avx512.is_available() {
                // SAFETY: as above.
                check(unsafe { x86::avx512(Square(square)) });
            }
        }
    }
}
