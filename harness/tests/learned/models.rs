//! Models in which every parameter is in use, data of no symmetry, and points to look at them.

use amc_core::rng::{Key, Purpose};
use amc_core::scratch::Scratch;
use amc_core::simd::{f64x8, splat};
use amc_harness::learned::network::{Head, Network, Part};
use amc_harness::learned::{DataMoments, Model, ModelLevel, NoiseRange, SignalNoise};

pub const DIM: usize = 3;

/// Log-SNRs that the models know.
pub const NOISE: NoiseRange = NoiseRange { lowest: -8.0, highest: 9.0 };

/// Standard normals.
pub fn normals(count: usize, round: u64) -> Vec<f64> {
    let mut out = vec![0.0; count];
    Key::new(11, Purpose::User).round(round).stream().fill_scalar_normals(&mut out);
    out
}

/// Mean and deviation that are not 0 and 1.
pub fn moments() -> DataMoments {
    DataMoments { mean: vec![0.3, -0.7, 1.1], deviation: 1.3 }
}

/// An untrained model.
pub fn untrained(head: Head, moments: DataMoments) -> Model<f64> {
    Model::untrained(head, (16, 2), NOISE, moments, 5)
}

/// A model with random numbers in all matrices, outputs, gain and linear response among them.
pub fn random(head: Head, moments: DataMoments) -> Model<f64> {
    let mut model = untrained(head, moments);
    let shape = model.network.shape;
    for (index, part) in shape.parts().enumerate() {
        let range = shape.range(part);
        let columns = shape.size(part).1 as f64;
        let drawn = normals(range.len(), 100 + index as u64);
        for (parameter, normal) in model.network.parameters[range].iter_mut().zip(drawn) {
            *parameter = 0.7 * normal / columns.sqrt();
        }
    }
    model
}

/// The same model in single precision.
pub fn to_f32(model: &Model<f64>) -> Model<f32> {
    let parameters = model.network.parameters.iter().map(|&p| p as f32).collect();
    let network = Network { shape: model.network.shape, parameters };
    Model { head: model.head, network, noise: model.noise, moments: model.moments.clone() }
}

/// Levels from nearly the reference to nearly the target, one of them with more noise than a standard deviation.
pub fn levels() -> Vec<SignalNoise> {
    let mut levels: Vec<SignalNoise> =
        [-7.5, -2.0, 0.7, 3.0, 8.5].map(SignalNoise::variance_preserving).into();
    levels.push(SignalNoise { alpha: 1.0, sigma: 3.0 });
    levels
}

/// Blocks of points where a level of these moments has its mass.
pub fn points(level: SignalNoise, moments: &DataMoments, blocks: usize) -> Vec<f64x8> {
    let scale = moments.precondition(level).scale;
    let drawn = normals(blocks * DIM * 8, 7);
    let lanes = drawn.chunks_exact(8).enumerate();
    lanes
        .map(|(at, lanes)| {
            let shift = level.alpha * moments.mean[at % DIM];
            f64x8::new(std::array::from_fn(|lane| shift + scale * lanes[lane]))
        })
        .collect()
}

/// Memory in which nothing is there to be read.
pub fn memory(len: usize) -> Vec<f64x8> {
    vec![splat(f64::NAN); len]
}

/// Log-densities and scores of blocks, together.
pub fn evaluate(level: &dyn ModelLevel, x: &[f64x8]) -> (Vec<f64x8>, Vec<f64x8>) {
    let blocks = if level.has_density() { x.len() / DIM } else { 0 };
    let (mut log_densities, mut scores) = (memory(blocks), memory(x.len()));
    let mut room = memory(level.scratch_len());
    level.evaluate(x, &mut log_densities, &mut scores, Scratch::new(&mut room)).unwrap();
    (log_densities, scores)
}

/// All numbers of blocks.
pub fn lanes(blocks: &[f64x8]) -> Vec<f64> {
    blocks.iter().flat_map(|block| block.to_array()).collect()
}

/// Fails unless `found` is `expected` up to `tolerance` of the largest number in it.
pub fn assert_close(found: &[f64x8], expected: &[f64x8], tolerance: f64, what: &str) {
    let (found, expected) = (lanes(found), lanes(expected));
    assert_eq!(found.len(), expected.len(), "{what}");
    let scale = expected.iter().fold(0.0_f64, |most, x| most.max(x.abs()));
    assert!(scale > 0.0, "{what}: nothing to compare");
    let errors = found.iter().zip(&expected).map(|(a, b)| (a - b).abs());
    // A NaN is an error too, which `max` would hide.
    let largest = errors.fold(0.0_f64, |most, e| if e <= most { most } else { e });
    assert!(largest <= tolerance * scale, "{what}: off by {largest:e} of {scale:e}");
}

/// A few parameters of every matrix, the first and the last among them, and the range they lie in.
pub fn entries(model: &Model<f64>) -> Vec<(Part, Vec<usize>)> {
    let shape = model.network.shape;
    let drawn = |part: Part, index: usize| {
        let range = shape.range(part);
        let random = normals(4, 300 + index as u64);
        let inside = random.iter().map(|x| (x.abs() * 1e6) as usize % range.len());
        let mut chosen: Vec<usize> = inside.map(|at| range.start + at).collect();
        chosen.extend([range.start, range.end - 1]);
        (part, chosen)
    };
    shape.parts().enumerate().map(|(index, part)| drawn(part, index)).collect()
}

/// Fails unless `gradient` is that of `value` in a few parameters of every matrix.
pub fn assert_gradient(
    model: &Model<f64>,
    gradient: &[f64],
    value: &mut dyn FnMut(&Model<f64>) -> f64,
    what: &str,
) {
    let largest = gradient.iter().fold(0.0_f64, |most, g| most.max(g.abs()));
    let mut model = model.clone();
    for (part, chosen) in entries(&model) {
        let own = &gradient[model.network.shape.range(part)];
        let own = own.iter().fold(0.0_f64, |most, g| most.max(g.abs()));
        let scale = own.max(1e-4 * largest);
        for at in chosen {
            let (old, step) = (model.network.parameters[at], 1e-5);
            let mut moved = |by: f64| {
                model.network.parameters[at] = old + by;
                value(&model)
            };
            // Two differences of the fourth order: errors of the second would show in the noisiest losses.
            let near = (moved(step) - moved(-step)) / (2.0 * step);
            let far = (moved(2.0 * step) - moved(-2.0 * step)) / (4.0 * step);
            let slope = (4.0 * near - far) / 3.0;
            model.network.parameters[at] = old;
            let error = (gradient[at] - slope).abs();
            let name = part.name();
            assert!(error <= 1e-6 * scale, "{what}, {name}: {} instead of {slope}", gradient[at]);
        }
    }
}
