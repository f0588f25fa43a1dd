//! Every operation of every instruction set that this processor has, lane by lane beside the same in plain numbers.

extern crate std;

use super::{Instructions, Lanes, Mask, Words, f64x8};

/// Signs, zeros, halves for rounding, infinities and NaN, in an order that no lane shares with another vector.
const A: [f64; 8] = [1.5, -2.5, 0.0, -0.0, f64::INFINITY, 3.25, f64::NAN, -7.0];
const B: [f64; 8] = [1.5, 2.0, -0.0, 4.0, f64::NEG_INFINITY, -0.75, 2.0, 0.5];
const C: [f64; 8] = [0.25, -1.0, 2.0, 8.0, 1.0, -3.0, 5.0, f64::NAN];
const WORDS: [[u64; 8]; 2] = [
    [0, 1, u64::MAX, 1 << 63, 0x0123_4567_89ab_cdef, 5, 1 << 32, 77],
    [u64::MAX, 1, 1, 1 << 63, 0xfedc_ba98_7654_3210, 6, u64::MAX >> 9, 1 << 40],
];

/// Runs `check` on portable lanes and on those of every set that is there.
fn on_every_set(check: impl Check) {
    check.run::<f64x8>();
    #[cfg(target_arch = "x86_64")]
    {
        use super::avx2::Avx2;
        use super::avx512::Avx512;
        use super::view::View;
        // SAFETY: only where the set is available.
        #[target_feature(enable = "avx2,fma")]
        unsafe fn avx2(check: impl Check) {
            check.run::<View<Avx2>>();
        }
        // SAFETY: as above.
        #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
        unsafe fn avx512(check: impl Check) {
            check.run::<View<Avx512>>();
        }
        if Instructions::Avx2.is_available() {
            unsafe { avx2(check) };
        }
        if Instructions::Avx512.is_available() {
            unsafe { avx512(check) };
        }
    }
}

trait Check: Copy {
    fn run<V: Lanes>(self);
}

/// The same bits, all NaN alike.
#[track_caller]
fn same<V: Lanes>(found: V, expected: impl Fn(usize) -> f64) {
    let mut lanes = [0.0; 8];
    found.store(&mut lanes);
    assert_eq!(found.vector().to_array().map(f64::to_bits), lanes.map(f64::to_bits));
    for (lane, found) in lanes.into_iter().enumerate() {
        let expected = expected(lane);
        let alike = found.to_bits() == expected.to_bits() || found.is_nan() && expected.is_nan();
        assert!(alike, "lane {lane}: {found} for {expected}");
    }
}

#[track_caller]
fn same_mask<M: Mask>(mask: M, expected: impl Fn(usize) -> bool) {
    let bits = (0..8).fold(0, |bits, lane| bits | u32::from(expected(lane)) << lane);
    assert_eq!(mask.vector().to_bitmask(), bits);
    assert_eq!(M::of(mask.vector()).vector().to_bitmask(), bits);
    assert_eq!((mask.all(), mask.any()), (bits == 0xff, bits != 0));
    // Whole lanes are set, not their signs alone.
    for (lane, number) in mask.vector().to_array().into_iter().enumerate() {
        assert_eq!(number.to_bits(), if expected(lane) { u64::MAX } else { 0 });
    }
}

#[derive(Clone, Copy)]
struct Numbers;

impl Check for Numbers {
    #[inline(always)]
    fn run<V: Lanes>(self) {
        let (a, b, c) = (V::load(&A), V::load(&B), V::of(f64x8::new(C)));
        same(a, |i| A[i]);
        same(V::splat(-2.5), |_| -2.5);
        same(V::zero(), |_| 0.0);
        same(a + b, |i| A[i] + B[i]);
        same(a - b, |i| A[i] - B[i]);
        same(a * b, |i| A[i] * B[i]);
        same(a / b, |i| A[i] / B[i]);
        same(-a, |i| -A[i]);
        let [mut sum, mut difference, mut product, mut quotient] = [a; 4];
        sum += b;
        difference -= b;
        product *= b;
        quotient /= b;
        same(sum, |i| A[i] + B[i]);
        same(difference, |i| A[i] - B[i]);
        same(product, |i| A[i] * B[i]);
        same(quotient, |i| A[i] / B[i]);
        // Exact in these numbers, so one rounding or two are the same.
        same(a.mul_add(b, c), |i| A[i] * B[i] + C[i]);
        same(c.sqrt(), |i| libm::sqrt(C[i]));
        same((a * V::splat(1.0)).round(), |i| libm::rint(A[i]));
        same(c.min(b), |i| if C[i].is_nan() { B[i] } else { C[i].min(B[i]) });
        same(c.max(b), |i| if C[i].is_nan() { B[i] } else { C[i].max(B[i]) });
    }
}

/// Fails if an operation is another one, or takes its operands in the other order, on any set.
#[test]
fn numbers() {
    on_every_set(Numbers);
}

#[derive(Clone, Copy)]
struct Masks;

impl Check for Masks {
    #[inline(always)]
    fn run<V: Lanes>(self) {
        let (a, b) = (V::load(&A), V::load(&B));
        let (less, less_equal, equal) = (a.less(b), a.less_equal(b), a.equal(b));
        same_mask(less, |i| A[i] < B[i]);
        same_mask(less_equal, |i| A[i] <= B[i]);
        same_mask(equal, |i| A[i] == B[i]);
        same_mask(less & less_equal, |i| A[i] < B[i]);
        let falling = b.less(a);
        same_mask(less & falling, |_| false);
        same_mask(less_equal & !less, |i| A[i] == B[i]);
        same_mask(less | falling, |i| A[i] < B[i] || B[i] < A[i]);
        same_mask(!less, |i| !matches!(A[i].partial_cmp(&B[i]), Some(core::cmp::Ordering::Less)));
        same_mask(less | !less, |_| true);
        same(V::select(less, a, b), |i| if A[i] < B[i] { A[i] } else { B[i] });
    }
}

/// Fails if a comparison is another one, is true of NaN, or masks are joined, turned or read in another way.
#[test]
fn masks() {
    on_every_set(Masks);
}

#[derive(Clone, Copy)]
struct Bits;

impl Check for Bits {
    #[inline(always)]
    fn run<V: Lanes>(self) {
        let [a, b] = WORDS.map(|words| V::Words::load(&words));
        let same = |words: V::Words, expected: fn(u64, u64) -> u64| {
            let mut found = [0; 8];
            words.store(&mut found);
            for lane in 0..8 {
                assert_eq!(found[lane], expected(WORDS[0][lane], WORDS[1][lane]), "{lane}");
            }
        };
        same(V::Words::splat(1 << 63 | 5), |_, _| 1 << 63 | 5);
        same(a.add(b), u64::wrapping_add);
        same(a.sub(b), u64::wrapping_sub);
        same(a.and(b), |a, b| a & b);
        same(a.or(b), |a, b| a | b);
        same(a.xor(b), |a, b| a ^ b);
        same(a.shift_left::<13>(), |a, _| a << 13);
        same(a.shift_right::<13>(), |a, _| a >> 13);
        same(a.rotate_left::<23, 41>(), |a, _| a.rotate_left(23));
        same(V::from_words(a).to_words(), |a, _| a);
        let bits = V::load(&A).to_words();
        let mut found = [0; 8];
        bits.store(&mut found);
        assert_eq!(found, A.map(f64::to_bits));
    }
}

/// Fails if an operation on words is another one, a shift fills with ones, or words are numbers turned into
/// integers.
#[test]
fn words() {
    on_every_set(Bits);
}
