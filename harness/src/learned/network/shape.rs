//! The residual network: its sizes and where each of its matrices lies among the parameters.
//!
//! With input `x` `[d]`, time features `e` `[E]` and `c` channels,
//!
//! ```text
//! r_0     = W_in x + T_in e
//! r_{b+1} = r_b + W_2b phi(W_1b phi(r_b) + T_1b e) + T_2b e      b = 0 .. blocks
//! o       = W_out phi(r_blocks) + T_out e
//! ```
//!
//! and two more matrices `[d x E]`, a gain `g = 1 + G e` of the outputs and a time-dependent linear response
//! `l = L e`, which [`Head`](super::Head) combines with `o`. The first feature is 1, so no layer has a bias of its own.

use std::ops::Range;

/// Most residual blocks.
pub const MOST_BLOCKS: usize = 8;

/// Most activations of a network: one for the input and two for each block.
pub(crate) const MOST_ACTIVATIONS: usize = 2 * MOST_BLOCKS + 1;

/// The sizes of a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Dimension `d` of inputs and outputs.
    pub dim: usize,
    /// Channels `c`.
    pub channels: usize,
    /// Residual blocks of two layers each, at most [`MOST_BLOCKS`].
    pub blocks: usize,
    /// Time features `E`.
    pub features: usize,
}

/// A layer `W h + T e`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layer {
    /// From the input to the channels.
    Input,
    /// The first layer of a block.
    First(usize),
    /// The second layer of a block, added to what went into the block.
    Second(usize),
    /// From the channels to the outputs.
    Output,
}

/// A matrix of the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// `W` of a layer.
    Weight(Layer),
    /// `T` of a layer.
    Time(Layer),
    /// `G`.
    Gain,
    /// `L`.
    Linear,
}

impl Shape {
    /// Activations, in the order in which they are computed: of `r_0`, then two of each block.
    pub fn activations(&self) -> usize {
        2 * self.blocks + 1
    }

    /// The layers in the order in which they are computed.
    pub fn layers(&self) -> impl DoubleEndedIterator<Item = Layer> {
        let blocks = (0..self.blocks).flat_map(|b| [Layer::First(b), Layer::Second(b)]);
        std::iter::once(Layer::Input).chain(blocks).chain(std::iter::once(Layer::Output))
    }

    /// All matrices in the order of the parameters.
    pub fn parts(&self) -> impl Iterator<Item = Part> {
        let layers = self.layers().flat_map(|layer| [Part::Weight(layer), Part::Time(layer)]);
        layers.chain([Part::Gain, Part::Linear])
    }

    /// Position of a layer in [`Shape::layers`].
    pub(crate) fn index(&self, layer: Layer) -> usize {
        match layer {
            Layer::Input => 0,
            Layer::First(block) => 2 * block + 1,
            Layer::Second(block) => 2 * block + 2,
            Layer::Output => 2 * self.blocks + 1,
        }
    }

    /// Numbers a layer gives and takes.
    pub fn sizes(&self, layer: Layer) -> (usize, usize) {
        match layer {
            Layer::Input => (self.channels, self.dim),
            Layer::First(_) | Layer::Second(_) => (self.channels, self.channels),
            Layer::Output => (self.dim, self.channels),
        }
    }

    /// Rows and columns of a matrix.
    pub fn size(&self, part: Part) -> (usize, usize) {
        match part {
            Part::Weight(layer) => self.sizes(layer),
            Part::Time(layer) => (self.sizes(layer).0, self.features),
            Part::Gain | Part::Linear => (self.dim, self.features),
        }
    }

    /// Where a matrix lies among the parameters, row-major.
    pub fn range(&self, part: Part) -> Range<usize> {
        let numbers = |part| {
            let (rows, columns) = self.size(part);
            rows * columns
        };
        let start = self.parts().take_while(|&other| other != part).map(numbers).sum();
        start..start + numbers(part)
    }

    /// Parameters in all.
    pub fn parameters(&self) -> usize {
        self.range(Part::Linear).end
    }
}

impl Part {
    /// Its name in model files.
    pub fn name(self) -> String {
        let layer = |layer| match layer {
            Layer::Input => "input".to_owned(),
            Layer::First(block) => format!("block{block}.first"),
            Layer::Second(block) => format!("block{block}.second"),
            Layer::Output => "output".to_owned(),
        };
        match self {
            Self::Weight(of) => layer(of) + ".weight",
            Self::Time(of) => layer(of) + ".time",
            Self::Gain => "gain".to_owned(),
            Self::Linear => "linear".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// Fails if matrices overlap, leave gaps, share a name or have sizes that do not fit together.
    #[test]
    fn parts_tile_the_parameters() {
        let shape = Shape { dim: 3, channels: 5, blocks: 2, features: 4 };
        let mut end = 0;
        let mut names = BTreeSet::new();
        for part in shape.parts() {
            let range = shape.range(part);
            assert_eq!(range.start, end, "{}", part.name());
            let (rows, columns) = shape.size(part);
            assert_eq!(range.len(), rows * columns);
            end = range.end;
            assert!(names.insert(part.name()));
        }
        assert_eq!(end, shape.parameters());
        let by_hand = (5 * 3 + 5 * 4) + 4 * (5 * 5 + 5 * 4) + (3 * 5 + 3 * 4) + 2 * 3 * 4;
        assert_eq!(end, by_hand);
        for (i, layer) in shape.layers().enumerate() {
            assert_eq!(shape.index(layer), i);
        }
    }
}
