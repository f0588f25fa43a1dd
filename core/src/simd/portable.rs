//! The portable instance of [`Lanes`]: `wide::f64x8` as it is, with the instructions the build targets.

use wide::bytemuck;
use wide::u64x8;

use super::f64x8;
use super::lanes::{Kernel, Lanes, Mask, Words, sealed::Sealed};

impl Sealed for f64x8 {}

// SAFETY: the type itself.
unsafe impl Lanes for f64x8 {
    type Mask = f64x8;
    type Words = u64x8;

    const REGISTERS: usize = 8;

    #[inline(never)]
    fn call<K: Kernel<Self>>(kernel: K) -> K::Output {
        kernel.run()
    }
    #[inline(always)]
    fn splat(value: f64) -> Self {
        f64x8::splat(value)
    }
    #[inline(always)]
    fn mul_add(self, factor: Self, summand: Self) -> Self {
        f64x8::mul_add(self, factor, summand)
    }
    #[inline(always)]
    fn sqrt(self) -> Self {
        f64x8::sqrt(self)
    }
    #[inline(always)]
    fn round(self) -> Self {
        self.round_ties_even()
    }
    #[inline(always)]
    fn min(self, other: Self) -> Self {
        Self::select(self.simd_lt(other), self, other)
    }
    #[inline(always)]
    fn max(self, other: Self) -> Self {
        Self::select(self.simd_gt(other), self, other)
    }
    #[inline(always)]
    fn less(self, other: Self) -> Self {
        self.simd_lt(other)
    }
    #[inline(always)]
    fn less_equal(self, other: Self) -> Self {
        self.simd_le(other)
    }
    #[inline(always)]
    fn equal(self, other: Self) -> Self {
        self.simd_eq(other)
    }
    #[inline(always)]
    fn transpose(rows: [Self; 8]) -> [Self; 8] {
        f64x8::transpose(rows)
    }
    #[inline(always)]
    fn select(mask: Self, if_true: Self, if_false: Self) -> Self {
        wide::Select::select(mask, if_true, if_false)
    }
    #[inline(always)]
    fn to_words(self) -> u64x8 {
        bytemuck::cast(self)
    }
    #[inline(always)]
    fn from_words(words: u64x8) -> Self {
        bytemuck::cast(words)
    }
}

impl Mask for f64x8 {
    #[inline(always)]
    fn all(self) -> bool {
        f64x8::all(self)
    }
    #[inline(always)]
    fn any(self) -> bool {
        f64x8::any(self)
    }
    #[inline(always)]
    fn vector(self) -> f64x8 {
        self
    }
    #[inline(always)]
    fn of(vector: f64x8) -> Self {
        vector
    }
}

impl Words for u64x8 {
    #[inline(always)]
    fn splat(value: u64) -> Self {
        u64x8::splat(value)
    }
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        self + other
    }
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        self - other
    }
    #[inline(always)]
    fn and(self, other: Self) -> Self {
        self & other
    }
    #[inline(always)]
    fn or(self, other: Self) -> Self {
        self | other
    }
    #[inline(always)]
    fn xor(self, other: Self) -> Self {
        self ^ other
    }
    #[inline(always)]
    fn shift_left<const BITS: u32>(self) -> Self {
        self << BITS
    }
    #[inline(always)]
    fn shift_right<const BITS: u32>(self) -> Self {
        self >> BITS
    }
    #[inline(always)]
    fn load(words: &[u64; 8]) -> Self {
        u64x8::new(*words)
    }
    #[inline(always)]
    fn store(self, words: &mut [u64; 8]) {
        *words = self.to_array();
    }
}
