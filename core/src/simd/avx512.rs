//! AVX-512: one register of 512 bits.
//!
//! Every `unsafe` block below calls one intrinsic whose only demand is that the instruction exists (loads and
//! stores are given arrays of the right size besides),
//! which [`Backend`](super::view::Backend) asks of whoever gets here.

use core::arch::x86_64::*;
use core::ops::{BitAnd, BitOr, Not};

use super::f64x8;
use super::lanes::{Kernel, Lanes, Mask, Words};
use super::view::{Backend, View};

/// See the module.
#[derive(Clone, Copy)]
pub struct Avx512;

// SAFETY: a __m512d is eight doubles in 64 bytes, aligned to 64.
unsafe impl Backend for Avx512 {
    type Register = __m512d;
    type Mask = Mask512;
    type Words = Words512;

    const REGISTERS: usize = 32;

    #[inline(always)]
    fn call<K: Kernel<View<Self>>>(kernel: K) -> K::Output {
        // SAFETY: whoever got here has the instructions.
        unsafe { call(kernel) }
    }
    #[inline(always)]
    fn splat(value: f64) -> __m512d {
        unsafe { _mm512_set1_pd(value) }
    }
    #[inline(always)]
    fn add(a: __m512d, b: __m512d) -> __m512d {
        unsafe { _mm512_add_pd(a, b) }
    }
    #[inline(always)]
    fn sub(a: __m512d, b: __m512d) -> __m512d {
        unsafe { _mm512_sub_pd(a, b) }
    }
    #[inline(always)]
    fn mul(a: __m512d, b: __m512d) -> __m512d {
        unsafe { _mm512_mul_pd(a, b) }
    }
    #[inline(always)]
    fn div(a: __m512d, b: __m512d) -> __m512d {
        unsafe { _mm512_div_pd(a, b) }
    }
    #[inline(always)]
    fn mul_add(a: __m512d, b: __m512d, c: __m512d) -> __m512d {
        unsafe { _mm512_fmadd_pd(a, b, c) }
    }
    #[inline(always)]
    fn sqrt(a: __m512d) -> __m512d {
        unsafe { _mm512_sqrt_pd(a) }
    }
    #[inline(always)]
    fn round(a: __m512d) -> __m512d {
        unsafe { _mm512_roundscale_pd::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(a) }
    }
    #[inline(always)]
    fn min(a: __m512d, b: __m512d) -> __m512d {
        unsafe { _mm512_min_pd(a, b) }
    }
    #[inline(always)]
    fn max(a: __m512d, b: __m512d) -> __m512d {
        unsafe { _mm512_max_pd(a, b) }
    }
    #[inline(always)]
    fn less(a: __m512d, b: __m512d) -> Mask512 {
        Mask512(unsafe { _mm512_cmp_pd_mask::<_CMP_LT_OQ>(a, b) })
    }
    #[inline(always)]
    fn less_equal(a: __m512d, b: __m512d) -> Mask512 {
        Mask512(unsafe { _mm512_cmp_pd_mask::<_CMP_LE_OQ>(a, b) })
    }
    #[inline(always)]
    fn equal(a: __m512d, b: __m512d) -> Mask512 {
        Mask512(unsafe { _mm512_cmp_pd_mask::<_CMP_EQ_OQ>(a, b) })
    }
    #[inline(always)]
    fn select(mask: Mask512, a: __m512d, b: __m512d) -> __m512d {
        unsafe { _mm512_mask_blend_pd(mask.0, b, a) }
    }
    #[inline(always)]
    fn to_words(a: __m512d) -> Words512 {
        Words512(unsafe { _mm512_castpd_si512(a) })
    }
    #[inline(always)]
    fn from_words(words: Words512) -> __m512d {
        unsafe { _mm512_castsi512_pd(words.0) }
    }
    #[inline(always)]
    fn transpose([a, b, c, d, e, f, g, h]: [__m512d; 8]) -> [__m512d; 8] {
        // Of pairs of rows, the even and the odd numbers stand side by side.
        let even = unsafe {
            [
                _mm512_unpacklo_pd(a, b),
                _mm512_unpacklo_pd(c, d),
                _mm512_unpacklo_pd(e, f),
                _mm512_unpacklo_pd(g, h),
            ]
        };
        let odd = unsafe {
            [
                _mm512_unpackhi_pd(a, b),
                _mm512_unpackhi_pd(c, d),
                _mm512_unpackhi_pd(e, f),
                _mm512_unpackhi_pd(g, h),
            ]
        };
        let ([c0, c2, c4, c6], [c1, c3, c5, c7]) = (transpose_pairs(even), transpose_pairs(odd));
        [c0, c1, c2, c3, c4, c5, c6, c7]
    }
}

/// # Safety
/// The processor must have these features.
#[inline(never)]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
unsafe fn call<K: Kernel<View<Avx512>>>(kernel: K) -> K::Output {
    kernel.run()
}

/// One bit per lane.
#[derive(Clone, Copy)]
pub struct Mask512(__mmask8);

impl BitAnd for Mask512 {
    type Output = Self;
    #[inline(always)]
    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

impl BitOr for Mask512 {
    type Output = Self;
    #[inline(always)]
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl Not for Mask512 {
    type Output = Self;
    #[inline(always)]
    fn not(self) -> Self {
        Self(!self.0)
    }
}

impl Mask for Mask512 {
    #[inline(always)]
    fn all(self) -> bool {
        self.0 == 0xff
    }
    #[inline(always)]
    fn any(self) -> bool {
        self.0 != 0
    }
    #[inline(always)]
    fn vector(self) -> f64x8 {
        let ones = unsafe { _mm512_maskz_set1_epi64(self.0, -1) };
        View::<Avx512>::from_words(Words512(ones)).vector()
    }
    #[inline(always)]
    fn of(vector: f64x8) -> Self {
        let Words512(words) = View::<Avx512>::of(vector).to_words();
        Self(unsafe { _mm512_test_epi64_mask(words, words) })
    }
}

/// Eight words.
#[derive(Clone, Copy)]
pub struct Words512(__m512i);

impl Words for Words512 {
    #[inline(always)]
    fn splat(value: u64) -> Self {
        Self(unsafe { _mm512_set1_epi64(value.cast_signed()) })
    }
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self(unsafe { _mm512_add_epi64(self.0, other.0) })
    }
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        Self(unsafe { _mm512_sub_epi64(self.0, other.0) })
    }
    #[inline(always)]
    fn and(self, other: Self) -> Self {
        Self(unsafe { _mm512_and_si512(self.0, other.0) })
    }
    #[inline(always)]
    fn or(self, other: Self) -> Self {
        Self(unsafe { _mm512_or_si512(self.0, other.0) })
    }
    #[inline(always)]
    fn xor(self, other: Self) -> Self {
        Self(unsafe { _mm512_xor_si512(self.0, other.0) })
    }
    #[inline(always)]
    fn shift_left<const BITS: u32>(self) -> Self {
        Self(unsafe { _mm512_slli_epi64::<BITS>(self.0) })
    }
    #[inline(always)]
    fn shift_right<const BITS: u32>(self) -> Self {
        Self(unsafe { _mm512_srli_epi64::<BITS>(self.0) })
    }
    #[inline(always)]
    fn load(words: &[u64; 8]) -> Self {
        Self(unsafe { _mm512_loadu_si512(words.as_ptr().cast()) })
    }
    #[inline(always)]
    fn store(self, words: &mut [u64; 8]) {
        unsafe { _mm512_storeu_si512(words.as_mut_ptr().cast(), self.0) }
    }
}

/// A square of four by four pairs of numbers, transposed.
#[inline(always)]
fn transpose_pairs([a, b, c, d]: [__m512d; 4]) -> [__m512d; 4] {
    const EVEN: i32 = 0x88;
    const ODD: i32 = 0xdd;
    unsafe {
        let (ab, cd) = (_mm512_shuffle_f64x2::<EVEN>(a, b), _mm512_shuffle_f64x2::<EVEN>(c, d));
        let (ab_odd, cd_odd) =
            (_mm512_shuffle_f64x2::<ODD>(a, b), _mm512_shuffle_f64x2::<ODD>(c, d));
        [
            _mm512_shuffle_f64x2::<EVEN>(ab, cd),
            _mm512_shuffle_f64x2::<EVEN>(ab_odd, cd_odd),
            _mm512_shuffle_f64x2::<ODD>(ab, cd),
            _mm512_shuffle_f64x2::<ODD>(ab_odd, cd_odd),
        ]
    }
}
