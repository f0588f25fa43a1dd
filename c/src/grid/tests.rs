//! Layouts, refusals and overlaps of small arrays.

use super::*;
use crate::error::amc_status;
use crate::points::amc_rows;

fn points(data: &[f64], count: usize, dim: usize, strides: (usize, usize)) -> amc_points {
    let (row_stride, column_stride) = strides;
    amc_points { data: data.as_ptr(), count, dim, row_stride, column_stride }
}

fn points_mut(
    data: &mut [f64],
    count: usize,
    dim: usize,
    strides: (usize, usize),
) -> amc_points_mut {
    let (row_stride, column_stride) = strides;
    amc_points_mut { data: data.as_mut_ptr(), count, dim, row_stride, column_stride }
}

/// Fails if rows without gaps are copied, a stride is taken for the other, or a gap is written: three points of two
/// coordinates in every layout.
#[test]
fn numbers_find_their_places() {
    let numbers: Vec<f64> = (0..20).map(f64::from).collect();
    for (strides, expected) in [
        ((2, 1), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]),
        ((1, 3), [0.0, 3.0, 1.0, 4.0, 2.0, 5.0]),
        ((7, 3), [0.0, 3.0, 7.0, 10.0, 14.0, 17.0]),
        ((0, 4), [0.0, 4.0, 0.0, 4.0, 0.0, 4.0]),
    ] {
        let grid = Grid::read("x", points(&numbers, 3, 2, strides)).unwrap();
        let mut room = Vec::new();
        // SAFETY: twenty numbers, of which the layouts reach 18.
        let lent = unsafe { grid.lend(&(0..3), &mut room) };
        assert_eq!(lent, expected);
        assert_eq!(lent.as_ptr() == numbers.as_ptr(), strides == (2, 1));
        // SAFETY: as above.
        assert_eq!(unsafe { grid.lend(&(1..2), &mut room) }, &expected[2..4]);
        if strides.0 == 0 {
            continue;
        }
        let mut written = vec![-1.0; 20];
        let grid = Grid::write("y", points_mut(&mut written, 3, 2, strides)).unwrap();
        let mut room = Vec::new();
        // SAFETY: as above; the vector is not touched otherwise meanwhile.
        unsafe {
            grid.lend_mut(&(1..3), &mut room).copy_from_slice(&expected[2..]);
            grid.give_back(&(1..3), &room);
            grid.lend_mut(&(0..1), &mut room).copy_from_slice(&expected[..2]);
            grid.give_back(&(0..1), &room);
        }
        let touched = written.iter().filter(|number| **number >= 0.0).count();
        assert!(touched == 6 && written.iter().zip(&numbers).all(|(w, n)| *w < 0.0 || w == n));
    }
}

/// Fails if an impossible array passes, a possible one is refused, or the refusal has another status.
#[test]
fn impossible_arrays_are_refused() {
    let mut data = [0.0; 12];
    let status = |points: amc_points| Grid::read("x", points).err().map(|failure| failure.status);
    assert_eq!(status(points(&data, 4, 3, (3, 1))), None);
    assert_eq!(status(amc_rows(std::ptr::null(), 0, 3)), None);
    assert_eq!(status(amc_rows(std::ptr::null(), 1, 3)), Some(amc_status::AMC_ERROR_NULL));
    let odd = data.as_ptr().cast::<u8>().wrapping_add(3).cast::<f64>();
    for bad in [
        amc_rows(data.as_ptr(), 4, 0),
        amc_rows(data.as_ptr(), usize::MAX, 3),
        amc_rows(data.as_ptr(), usize::MAX / 8, 1),
        points(&data, 2, 2, (usize::MAX, 1)),
        points(&data, 2, 2, (1, usize::MAX)),
        amc_rows(odd, 1, 1),
    ] {
        assert_eq!(status(bad), Some(amc_status::AMC_ERROR_SHAPE), "{bad:?}");
    }
    for (strides, fine) in [
        ((3, 1), true),
        ((1, 4), true),
        ((7, 2), true),
        ((2, 1), false),
        ((0, 1), false),
        ((1, 1), false),
        ((3, 0), false),
    ] {
        let grid = Grid::write("y", points_mut(&mut data, 4, 3, strides));
        assert_eq!(grid.is_ok(), fine, "{strides:?}");
    }
    assert!(Grid::write("y", points_mut(&mut data, 1, 3, (0, 1))).is_ok());
    assert!(
        Grid::write_list("y", amc_values_mut { data: data.as_mut_ptr(), count: 2, stride: 0 })
            .is_err()
    );
}

/// Fails if shared numbers are missed or arrays of structures are refused: structures of two coordinates, a value
/// and a slope.
#[test]
fn overlaps_are_found_and_gaps_allowed() {
    let mut data = [0.0; 40];
    let start: *mut f64 = data.as_mut_ptr();
    let part = |offset: usize, count: usize, dim: usize, row_stride: usize| {
        let data = start.wrapping_add(offset);
        Grid::write("part", amc_points_mut { data, count, dim, row_stride, column_stride: 1 })
            .unwrap()
    };
    let apart = |a: Grid, b: Grid| {
        assert_eq!(a.is_apart(&b), b.is_apart(&a));
        a.is_apart(&b)
    };
    assert!(apart(part(0, 5, 2, 4), part(2, 5, 1, 4)));
    assert!(apart(part(0, 5, 2, 4), part(7, 5, 1, 4)));
    assert!(apart(part(0, 5, 2, 2), part(10, 5, 2, 2)));
    assert!(apart(part(0, 0, 2, 2), part(0, 5, 2, 2)));
    assert!(!apart(part(0, 5, 2, 4), part(1, 5, 1, 4)));
    assert!(!apart(part(0, 5, 2, 4), part(3, 5, 2, 4)));
    assert!(!apart(part(0, 5, 2, 4), part(2, 5, 1, 6)));
    assert!(!apart(part(0, 5, 2, 2), part(9, 5, 1, 1)));
    let (x, y) = (part(0, 5, 2, 4), part(1, 5, 1, 4));
    assert!(refuse_overlaps(&[&x, &x], &[]).is_ok());
    assert!(refuse_overlaps(&[&x], &[&y]).is_err() && refuse_overlaps(&[], &[&x, &y]).is_err());
}

/// Fails if a point is left out or handled twice.
#[test]
fn pieces_cover_all_points() {
    let data = [0.0; 2];
    let packed = Grid::read("x", amc_rows(data.as_ptr(), 1, 2)).unwrap();
    assert!(pieces(1300, &[&packed]).eq(std::iter::once(0..1300)));
    let gaps = Grid { count: 1300, row_stride: 9, ..packed };
    assert_eq!(
        pieces(1300, &[&packed, &gaps]).collect::<Vec<_>>(),
        [0..512, 512..1024, 1024..1300]
    );
    assert_eq!(pieces(0, &[&gaps]).count(), 0);
}
