//! Views of a vector through the registers of one instruction set.
//!
//! [`Backend`] names the instructions; [`View`] turns any backend into [`Lanes`], with the operators
//! written once. A view is as good as its instructions are available: only
//! [`dispatch`](super::dispatch) makes one, inside a function compiled for them.

use core::marker::PhantomData;
use core::ops::{Add, AddAssign, Div, DivAssign, Mul, MulAssign, Neg, Sub, SubAssign};

use super::lanes::{Kernel, Lanes, Mask, Words, sealed::Sealed};

/// The instructions behind a [`View`].
///
/// # Safety
/// `Register` must hold eight doubles in order, in 64 bytes, aligned to at most 64. The functions may
/// be reached only where their instructions are available.
pub unsafe trait Backend: Copy + 'static {
    /// Eight doubles.
    type Register: Copy;
    /// Eight truth values.
    type Mask: Mask;
    /// Eight words.
    type Words: Words;
    /// See [`Lanes::REGISTERS`].
    const REGISTERS: usize;

    /// See [`Lanes::call`].
    fn call<K: Kernel<View<Self>>>(kernel: K) -> K::Output;
    fn splat(value: f64) -> Self::Register;
    fn add(a: Self::Register, b: Self::Register) -> Self::Register;
    fn sub(a: Self::Register, b: Self::Register) -> Self::Register;
    fn mul(a: Self::Register, b: Self::Register) -> Self::Register;
    fn div(a: Self::Register, b: Self::Register) -> Self::Register;
    /// `a b + c`, rounded once.
    fn mul_add(a: Self::Register, b: Self::Register, c: Self::Register) -> Self::Register;
    fn sqrt(a: Self::Register) -> Self::Register;
    fn round(a: Self::Register) -> Self::Register;
    fn min(a: Self::Register, b: Self::Register) -> Self::Register;
    fn max(a: Self::Register, b: Self::Register) -> Self::Register;
    fn less(a: Self::Register, b: Self::Register) -> Self::Mask;
    fn less_equal(a: Self::Register, b: Self::Register) -> Self::Mask;
    fn equal(a: Self::Register, b: Self::Register) -> Self::Mask;
    fn select(mask: Self::Mask, a: Self::Register, b: Self::Register) -> Self::Register;
    fn to_words(a: Self::Register) -> Self::Words;
    fn from_words(words: Self::Words) -> Self::Register;
    fn transpose(rows: [Self::Register; 8]) -> [Self::Register; 8];
}

/// Eight doubles in the registers of a backend.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct View<B: Backend>(B::Register, PhantomData<B>);

impl<B: Backend> View<B> {
    #[inline(always)]
    fn new(register: B::Register) -> Self {
        Self(register, PhantomData)
    }
}

impl<B: Backend> Sealed for View<B> {}

// SAFETY: by the contract of the backend.
unsafe impl<B: Backend> Lanes for View<B> {
    type Mask = B::Mask;
    type Words = B::Words;

    const REGISTERS: usize = B::REGISTERS;

    #[inline(always)]
    fn call<K: Kernel<Self>>(kernel: K) -> K::Output {
        B::call(kernel)
    }
    #[inline(always)]
    fn splat(value: f64) -> Self {
        Self::new(B::splat(value))
    }
    #[inline(always)]
    fn mul_add(self, factor: Self, summand: Self) -> Self {
        Self::new(B::mul_add(self.0, factor.0, summand.0))
    }
    #[inline(always)]
    fn sqrt(self) -> Self {
        Self::new(B::sqrt(self.0))
    }
    #[inline(always)]
    fn round(self) -> Self {
        Self::new(B::round(self.0))
    }
    #[inline(always)]
    fn min(self, other: Self) -> Self {
        Self::new(B::min(self.0, other.0))
    }
    #[inline(always)]
    fn max(self, other: Self) -> Self {
        Self::new(B::max(self.0, other.0))
    }
    #[inline(always)]
    fn less(self, other: Self) -> B::Mask {
        B::less(self.0, other.0)
    }
    #[inline(always)]
    fn less_equal(self, other: Self) -> B::Mask {
        B::less_equal(self.0, other.0)
    }
    #[inline(always)]
    fn equal(self, other: Self) -> B::Mask {
        B::equal(self.0, other.0)
    }
    #[inline(always)]
    fn select(mask: B::Mask, if_true: Self, if_false: Self) -> Self {
        Self::new(B::select(mask, if_true.0, if_false.0))
    }
    #[inline(always)]
    fn to_words(self) -> B::Words {
        B::to_words(self.0)
    }
    #[inline(always)]
    fn from_words(words: B::Words) -> Self {
        Self::new(B::from_words(words))
    }
    #[inline(always)]
    fn transpose(rows: [Self; 8]) -> [Self; 8] {
        // Written out: closures are not inlined into functions compiled for other instructions.
        let [a, b, c, d, e, f, g, h] = rows;
        let [a, b, c, d, e, f, g, h] = B::transpose([a.0, b.0, c.0, d.0, e.0, f.0, g.0, h.0]);
        [
            Self::new(a),
            Self::new(b),
            Self::new(c),
            Self::new(d),
            Self::new(e),
            Self::new(f),
            Self::new(g),
            Self::new(h),
        ]
    }
}

impl<B: Backend> Add for View<B> {
    type Output = Self;
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self::new(B::add(self.0, other.0))
    }
}

impl<B: Backend> Sub for View<B> {
    type Output = Self;
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        Self::new(B::sub(self.0, other.0))
    }
}

impl<B: Backend> Mul for View<B> {
    type Output = Self;
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        Self::new(B::mul(self.0, other.0))
    }
}

impl<B: Backend> Div for View<B> {
    type Output = Self;
    #[inline(always)]
    fn div(self, other: Self) -> Self {
        Self::new(B::div(self.0, other.0))
    }
}

impl<B: Backend> Neg for View<B> {
    type Output = Self;
    #[inline(always)]
    fn neg(self) -> Self {
        // The sign bit alone: -0.0 - x would lose the sign of a zero.
        let sign = <B::Words as Words>::splat(1 << 63);
        Self::from_words(self.to_words().xor(sign))
    }
}

impl<B: Backend> AddAssign for View<B> {
    #[inline(always)]
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl<B: Backend> SubAssign for View<B> {
    #[inline(always)]
    fn sub_assign(&mut self, other: Self) {
        *self = *self - other;
    }
}

impl<B: Backend> MulAssign for View<B> {
    #[inline(always)]
    fn mul_assign(&mut self, other: Self) {
        *self = *self * other;
    }
}

impl<B: Backend> DivAssign for View<B> {
    #[inline(always)]
    fn div_assign(&mut self, other: Self) {
        *self = *self / other;
    }
}
