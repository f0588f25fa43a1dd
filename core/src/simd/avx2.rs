//! AVX2 with FMA: two registers of 256 bits.
//!
//! Every `unsafe` block below calls intrinsics whose only demand is that the instruction exists (loads and
//! stores are given arrays of the right size besides),
//! which [`Backend`](super::view::Backend) asks of whoever gets here.

use core::arch::x86_64::*;
use core::ops::{BitAnd, BitOr, Not};

use super::f64x8;
use super::lanes::{Kernel, Lanes, Mask, Words};
use super::view::{Backend, View};

/// See the module.
#[derive(Clone, Copy)]
pub struct Avx2;

type Pair = [__m256d; 2];

// SAFETY: two __m256d are eight doubles in 64 bytes, aligned to 32.
unsafe impl Backend for Avx2 {
    type Register = Pair;
    type Mask = Mask2;
    type Words = Words2;

    const REGISTERS: usize = 8;

    #[inline(always)]
    fn call<K: Kernel<View<Self>>>(kernel: K) -> K::Output {
        // SAFETY: whoever got here has the instructions.
        unsafe { call(kernel) }
    }
    #[inline(always)]
    fn splat(value: f64) -> Pair {
        unsafe { [_mm256_set1_pd(value); 2] }
    }
    #[inline(always)]
    fn add([a, b]: Pair, [c, d]: Pair) -> Pair {
        unsafe { [_mm256_add_pd(a, c), _mm256_add_pd(b, d)] }
    }
    #[inline(always)]
    fn sub([a, b]: Pair, [c, d]: Pair) -> Pair {
        unsafe { [_mm256_sub_pd(a, c), _mm256_sub_pd(b, d)] }
    }
    #[inline(always)]
    fn mul([a, b]: Pair, [c, d]: Pair) -> Pair {
        unsafe { [_mm256_mul_pd(a, c), _mm256_mul_pd(b, d)] }
    }
    #[inline(always)]
    fn div([a, b]: Pair, [c, d]: Pair) -> Pair {
        unsafe { [_mm256_div_pd(a, c), _mm256_div_pd(b, d)] }
    }
    #[inline(always)]
    fn mul_add([a, b]: Pair, [c, d]: Pair, [e, f]: Pair) -> Pair {
        unsafe { [_mm256_fmadd_pd(a, c, e), _mm256_fmadd_pd(b, d, f)] }
    }
    #[inline(always)]
    fn sqrt([a, b]: Pair) -> Pair {
        unsafe { [_mm256_sqrt_pd(a), _mm256_sqrt_pd(b)] }
    }
    #[inline(always)]
    fn round([a, b]: Pair) -> Pair {
        const NEAREST: i32 = _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC;
        unsafe { [_mm256_round_pd::<NEAREST>(a), _mm256_round_pd::<NEAREST>(b)] }
    }
    #[inline(always)]
    fn min([a, b]: Pair, [c, d]: Pair) -> Pair {
        unsafe { [_mm256_min_pd(a, c), _mm256_min_pd(b, d)] }
    }
    #[inline(always)]
    fn max([a, b]: Pair, [c, d]: Pair) -> Pair {
        unsafe { [_mm256_max_pd(a, c), _mm256_max_pd(b, d)] }
    }
    #[inline(always)]
    fn less([a, b]: Pair, [c, d]: Pair) -> Mask2 {
        unsafe { Mask2([_mm256_cmp_pd::<_CMP_LT_OQ>(a, c), _mm256_cmp_pd::<_CMP_LT_OQ>(b, d)]) }
    }
    #[inline(always)]
    fn less_equal([a, b]: Pair, [c, d]: Pair) -> Mask2 {
        unsafe { Mask2([_mm256_cmp_pd::<_CMP_LE_OQ>(a, c), _mm256_cmp_pd::<_CMP_LE_OQ>(b, d)]) }
    }
    #[inline(always)]
    fn equal([a, b]: Pair, [c, d]: Pair) -> Mask2 {
        unsafe { Mask2([_mm256_cmp_pd::<_CMP_EQ_OQ>(a, c), _mm256_cmp_pd::<_CMP_EQ_OQ>(b, d)]) }
    }
    #[inline(always)]
    fn select(Mask2([m, n]): Mask2, [a, b]: Pair, [c, d]: Pair) -> Pair {
        unsafe { [_mm256_blendv_pd(c, a, m), _mm256_blendv_pd(d, b, n)] }
    }
    #[inline(always)]
    fn to_words([a, b]: Pair) -> Words2 {
        unsafe { Words2([_mm256_castpd_si256(a), _mm256_castpd_si256(b)]) }
    }
    #[inline(always)]
    fn from_words(Words2([a, b]): Words2) -> Pair {
        unsafe { [_mm256_castsi256_pd(a), _mm256_castsi256_pd(b)] }
    }
    #[inline(always)]
    fn transpose([a, b, c, d, e, f, g, h]: [Pair; 8]) -> [Pair; 8] {
        let [c0, c1, c2, c3] = transpose_quarter([a[0], b[0], c[0], d[0]]);
        let [c4, c5, c6, c7] = transpose_quarter([a[1], b[1], c[1], d[1]]);
        let [e0, e1, e2, e3] = transpose_quarter([e[0], f[0], g[0], h[0]]);
        let [e4, e5, e6, e7] = transpose_quarter([e[1], f[1], g[1], h[1]]);
        [[c0, e0], [c1, e1], [c2, e2], [c3, e3], [c4, e4], [c5, e5], [c6, e6], [c7, e7]]
    }
}

/// # Safety
/// The processor must have these features.
#[inline(never)]
#[target_feature(enable = "avx2,fma")]
unsafe fn call<K: Kernel<View<Avx2>>>(kernel: K) -> K::Output {
    kernel.run()
}

/// All bits of a lane set, or none.
#[derive(Clone, Copy)]
pub struct Mask2([__m256d; 2]);

impl BitAnd for Mask2 {
    type Output = Self;
    #[inline(always)]
    fn bitand(self, other: Self) -> Self {
        let (Self([a, b]), Self([c, d])) = (self, other);
        unsafe { Self([_mm256_and_pd(a, c), _mm256_and_pd(b, d)]) }
    }
}

impl BitOr for Mask2 {
    type Output = Self;
    #[inline(always)]
    fn bitor(self, other: Self) -> Self {
        let (Self([a, b]), Self([c, d])) = (self, other);
        unsafe { Self([_mm256_or_pd(a, c), _mm256_or_pd(b, d)]) }
    }
}

impl Not for Mask2 {
    type Output = Self;
    #[inline(always)]
    fn not(self) -> Self {
        let Self([a, b]) = self;
        unsafe {
            let ones = _mm256_castsi256_pd(_mm256_set1_epi64x(-1));
            Self([_mm256_xor_pd(a, ones), _mm256_xor_pd(b, ones)])
        }
    }
}

impl Mask for Mask2 {
    #[inline(always)]
    fn all(self) -> bool {
        let Self([a, b]) = self;
        unsafe { _mm256_movemask_pd(_mm256_and_pd(a, b)) == 0xf }
    }
    #[inline(always)]
    fn any(self) -> bool {
        let Self([a, b]) = self;
        unsafe { _mm256_movemask_pd(_mm256_or_pd(a, b)) != 0 }
    }
    #[inline(always)]
    fn vector(self) -> f64x8 {
        let Self([a, b]) = self;
        let words = unsafe { Words2([_mm256_castpd_si256(a), _mm256_castpd_si256(b)]) };
        View::<Avx2>::from_words(words).vector()
    }
    #[inline(always)]
    fn of(vector: f64x8) -> Self {
        Self(Avx2::from_words(View::<Avx2>::of(vector).to_words()))
    }
}

/// Eight words.
#[derive(Clone, Copy)]
pub struct Words2([__m256i; 2]);

impl Words for Words2 {
    #[inline(always)]
    fn splat(value: u64) -> Self {
        Self(unsafe { [_mm256_set1_epi64x(value.cast_signed()); 2] })
    }
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        let (Self([a, b]), Self([c, d])) = (self, other);
        unsafe { Self([_mm256_add_epi64(a, c), _mm256_add_epi64(b, d)]) }
    }
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        let (Self([a, b]), Self([c, d])) = (self, other);
        unsafe { Self([_mm256_sub_epi64(a, c), _mm256_sub_epi64(b, d)]) }
    }
    #[inline(always)]
    fn and(self, other: Self) -> Self {
        let (Self([a, b]), Self([c, d])) = (self, other);
        unsafe { Self([_mm256_and_si256(a, c), _mm256_and_si256(b, d)]) }
    }
    #[inline(always)]
    fn or(self, other: Self) -> Self {
        let (Self([a, b]), Self([c, d])) = (self, other);
        unsafe { Self([_mm256_or_si256(a, c), _mm256_or_si256(b, d)]) }
    }
    #[inline(always)]
    fn xor(self, other: Self) -> Self {
        let (Self([a, b]), Self([c, d])) = (self, other);
        unsafe { Self([_mm256_xor_si256(a, c), _mm256_xor_si256(b, d)]) }
    }
    #[inline(always)]
    fn shift_left<const BITS: u32>(self) -> Self {
        // The count in a register, which a constant turns into the immediate form.
        let Self([a, b]) = self;
        unsafe {
            let count = _mm_cvtsi32_si128(BITS.cast_signed());
            Self([_mm256_sll_epi64(a, count), _mm256_sll_epi64(b, count)])
        }
    }
    #[inline(always)]
    fn shift_right<const BITS: u32>(self) -> Self {
        let Self([a, b]) = self;
        unsafe {
            let count = _mm_cvtsi32_si128(BITS.cast_signed());
            Self([_mm256_srl_epi64(a, count), _mm256_srl_epi64(b, count)])
        }
    }
    #[inline(always)]
    fn load(words: &[u64; 8]) -> Self {
        let [low, high] = words.as_chunks::<4>().0 else { return Self::splat(0) };
        unsafe {
            Self([
                _mm256_loadu_si256(low.as_ptr().cast()),
                _mm256_loadu_si256(high.as_ptr().cast()),
            ])
        }
    }
    #[inline(always)]
    fn store(self, words: &mut [u64; 8]) {
        let Self([a, b]) = self;
        if let [low, high] = words.as_chunks_mut::<4>().0 {
            unsafe {
                _mm256_storeu_si256(low.as_mut_ptr().cast(), a);
                _mm256_storeu_si256(high.as_mut_ptr().cast(), b);
            }
        }
    }
}

/// A square of four by four numbers, transposed.
#[inline(always)]
fn transpose_quarter([a, b, c, d]: [__m256d; 4]) -> [__m256d; 4] {
    const LOW: i32 = 0x20;
    const HIGH: i32 = 0x31;
    unsafe {
        let (ab, ab_odd) = (_mm256_unpacklo_pd(a, b), _mm256_unpackhi_pd(a, b));
        let (cd, cd_odd) = (_mm256_unpacklo_pd(c, d), _mm256_unpackhi_pd(c, d));
        [
            _mm256_permute2f128_pd::<LOW>(ab, cd),
            _mm256_permute2f128_pd::<LOW>(ab_odd, cd_odd),
            _mm256_permute2f128_pd::<HIGH>(ab, cd),
            _mm256_permute2f128_pd::<HIGH>(ab_odd, cd_odd),
        ]
    }
}
