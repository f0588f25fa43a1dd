//! The lane trait: what a kernel that is generic over instructions may do with eight particles.
//!
//! A kernel is written once, for any `V: Lanes`, and instantiated for every instruction set
//! ([`dispatch`](super::dispatch)). `wide::f64x8` itself is the portable instance; the others are views
//! of the same 64 bytes, so data never moves between them ([`Lanes::view`]).
//!
//! All instances do the same operations on the same lanes. [`Lanes::mul_add`] is fused by AVX2 and
//! AVX-512, which therefore agree to the bit, and rounds twice in a portable build.

use core::ops::{
    Add, AddAssign, BitAnd, BitOr, Div, DivAssign, Mul, MulAssign, Neg, Not, Sub, SubAssign,
};

use super::f64x8;

/// Eight doubles side by side.
///
/// # Safety
/// An implementation must have the size of [`f64x8`], no larger alignment, and hold the eight lanes in
/// the same order: [`Lanes::view`] reads one as the other. The trait is sealed.
pub unsafe trait Lanes:
    Copy
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + AddAssign
    + SubAssign
    + MulAssign
    + DivAssign
    + sealed::Sealed
    + 'static
{
    /// One truth value per lane.
    type Mask: Mask;
    /// Eight 64-bit words: the bits of the lanes.
    type Words: Words;

    /// Vectors that a kernel may keep in registers at once: half of them for sums, the rest for
    /// operands.
    const REGISTERS: usize;

    /// The same number in all lanes.
    fn splat(value: f64) -> Self;
    /// `self * factor + summand`; fused except in the portable instance.
    #[must_use]
    fn mul_add(self, factor: Self, summand: Self) -> Self;
    /// The square root.
    #[must_use]
    fn sqrt(self) -> Self;
    /// The nearest integer, ties to even.
    #[must_use]
    fn round(self) -> Self;
    /// The smaller number; `other` where either is NaN.
    #[must_use]
    fn min(self, other: Self) -> Self;
    /// The larger number; `other` where either is NaN.
    #[must_use]
    fn max(self, other: Self) -> Self;
    /// Lanes with `self < other` (false where either is NaN).
    fn less(self, other: Self) -> Self::Mask;
    /// Lanes with `self <= other` (false where either is NaN).
    fn less_equal(self, other: Self) -> Self::Mask;
    /// Lanes with `self == other`.
    fn equal(self, other: Self) -> Self::Mask;
    /// `if_true` where the mask is set, `if_false` elsewhere.
    fn select(mask: Self::Mask, if_true: Self, if_false: Self) -> Self;
    /// The bits of the lanes.
    fn to_words(self) -> Self::Words;
    /// The lanes with these bits.
    fn from_words(words: Self::Words) -> Self;
    /// The columns of a square whose rows are given.
    #[must_use]
    fn transpose(rows: [Self; 8]) -> [Self; 8];

    /// Runs a kernel out of line, in a function compiled for these lanes.
    ///
    /// For long kernels that several tasks share: everything else is inlined into each of them.
    fn call<K: Kernel<Self>>(kernel: K) -> K::Output;

    /// The zero vector.
    #[inline(always)]
    fn zero() -> Self {
        Self::splat(0.0)
    }

    /// Reads eight consecutive numbers.
    #[inline(always)]
    fn load(numbers: &[f64; 8]) -> Self {
        // SAFETY: by the contract of the trait; an unaligned read of 64 valid bytes.
        unsafe { core::ptr::from_ref(numbers).cast::<Self>().read_unaligned() }
    }

    /// Writes eight consecutive numbers.
    #[inline(always)]
    fn store(self, numbers: &mut [f64; 8]) {
        // SAFETY: by the contract of the trait; an unaligned write of 64 bytes that are ours.
        unsafe { core::ptr::from_mut(numbers).cast::<Self>().write_unaligned(self) }
    }

    /// This view of a vector.
    #[inline(always)]
    fn of(vector: f64x8) -> Self {
        const { assert!(size_of::<Self>() == size_of::<f64x8>()) };
        // SAFETY: by the contract of the trait.
        unsafe { core::ptr::from_ref(&vector).cast::<Self>().read() }
    }

    /// The vector itself.
    #[inline(always)]
    fn vector(self) -> f64x8 {
        // SAFETY: by the contract of the trait; the copy is aligned by `read_unaligned`.
        unsafe { core::ptr::from_ref(&self).cast::<f64x8>().read_unaligned() }
    }

    /// This view of a slice of vectors.
    #[inline(always)]
    fn view(vectors: &[f64x8]) -> &[Self] {
        const { assert!(size_of::<Self>() == size_of::<f64x8>()) };
        const { assert!(align_of::<Self>() <= align_of::<f64x8>()) };
        // SAFETY: by the contract of the trait; length and lifetime are those of `vectors`.
        unsafe { core::slice::from_raw_parts(vectors.as_ptr().cast::<Self>(), vectors.len()) }
    }

    /// This view of a slice of vectors, to write.
    #[inline(always)]
    fn view_mut(vectors: &mut [f64x8]) -> &mut [Self] {
        const { assert!(size_of::<Self>() == size_of::<f64x8>()) };
        const { assert!(align_of::<Self>() <= align_of::<f64x8>()) };
        // SAFETY: as in `view`; the exclusive borrow passes on.
        unsafe {
            core::slice::from_raw_parts_mut(vectors.as_mut_ptr().cast::<Self>(), vectors.len())
        }
    }
}

/// A kernel with its arguments, for lanes that are known.
pub trait Kernel<V> {
    /// What the kernel returns.
    type Output;

    /// The kernel; implementations are `#[inline(always)]`.
    fn run(self) -> Self::Output;
}

/// One truth value per lane.
pub trait Mask:
    Copy + BitAnd<Output = Self> + BitOr<Output = Self> + Not<Output = Self> + 'static
{
    /// Whether it is set in every lane.
    fn all(self) -> bool;
    /// Whether it is set in some lane.
    fn any(self) -> bool;
    /// The mask as [`f64x8`] holds one: all bits of a lane set, or none.
    fn vector(self) -> f64x8;
    /// The mask that [`Mask::vector`] gives.
    fn of(vector: f64x8) -> Self;
}

/// Eight unsigned 64-bit integers side by side; sums and differences wrap around.
pub trait Words: Copy + 'static {
    /// The same word in all lanes.
    fn splat(value: u64) -> Self;
    /// `self + other`.
    #[must_use]
    fn add(self, other: Self) -> Self;
    /// `self - other`.
    #[must_use]
    fn sub(self, other: Self) -> Self;
    /// Bits set in both.
    #[must_use]
    fn and(self, other: Self) -> Self;
    /// Bits set in either.
    #[must_use]
    fn or(self, other: Self) -> Self;
    /// Bits set in one only.
    #[must_use]
    fn xor(self, other: Self) -> Self;
    /// `self << BITS`.
    #[must_use]
    fn shift_left<const BITS: u32>(self) -> Self;
    /// `self >> BITS`, zeros coming in.
    #[must_use]
    fn shift_right<const BITS: u32>(self) -> Self;
    /// `self` rotated to the left; `REST` is `64 - BITS`.
    #[must_use]
    #[inline(always)]
    fn rotate_left<const BITS: u32, const REST: u32>(self) -> Self {
        self.shift_left::<BITS>().or(self.shift_right::<REST>())
    }
    /// Reads eight words.
    fn load(words: &[u64; 8]) -> Self;
    /// Writes eight words.
    fn store(self, words: &mut [u64; 8]);
}

pub(super) mod sealed {
    /// Keeps [`Lanes`](super::Lanes) to the instances of this crate.
    pub trait Sealed {}
}
