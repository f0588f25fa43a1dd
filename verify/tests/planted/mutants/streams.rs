//! Wrong sources of random numbers.

use amc_core::rng::{Key, Phase, Purpose, Stream};
use amc_core::simd::f64x8;
use amc_verify::law::stream::Draws;

/// All lanes hold one number.
pub struct SameLanes(pub Stream);

impl Draws for SameLanes {
    fn uniforms(&mut self) -> f64x8 {
        f64x8::splat(self.0.uniform())
    }

    fn normals(&mut self, out: &mut [f64x8]) {
        self.0.fill_normals(out);
    }
}

/// Neighbouring vectors share their sizes: uncorrelated, normal, and not independent.
pub struct PairRadius(pub Stream);

impl Draws for PairRadius {
    fn uniforms(&mut self) -> f64x8 {
        self.0.uniforms()
    }

    fn normals(&mut self, out: &mut [f64x8]) {
        self.0.fill_normals(out);
        let (pairs, _) = out.as_chunks_mut::<2>();
        for [first, second] in pairs {
            *second = first.abs().copysign(*second);
        }
    }
}

/// What is wrong with the numbers of a stream.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum NumberDefect {
    /// Normals stop at 5 standard deviations.
    Clipped,
    /// Normals from a table of two scales: one in a hundred is 1.5 times as wide.
    HeavyTail,
    /// Normals beyond 4 lose their sign.
    PositiveTail,
    /// Uniforms of 32 bits.
    ThirtyTwoBits,
    /// Bit 7 of a uniform is that of the one before.
    TiedBit,
    /// Every vector of three is determined by the two before: RANDU.
    Planes,
    /// Lane 5 squares its uniforms once in a hundred vectors.
    OneLane,
    /// The vector 16 places before, exactly, in one lane.
    Lag,
}

pub struct Numbers {
    stream: Stream,
    defect: NumberDefect,
    past: Vec<f64x8>,
}

impl Numbers {
    pub fn new(stream: Stream, defect: NumberDefect) -> Self {
        Self { stream, defect, past: Vec::new() }
    }

    fn cells(u: f64x8) -> [u64; 8] {
        u.to_array().map(|u| (u * (1_u64 << 52) as f64) as u64)
    }

    fn of_cells(cells: [u64; 8]) -> f64x8 {
        f64x8::new(cells.map(|cell| (cell as f64 + 0.5) / (1_u64 << 52) as f64))
    }
}

impl Draws for Numbers {
    fn uniforms(&mut self) -> f64x8 {
        let mut u = self.stream.uniforms();
        let count = self.past.len();
        match self.defect {
            NumberDefect::ThirtyTwoBits => {
                u = Self::of_cells(Self::cells(u).map(|cell| cell >> 20 << 20));
            }
            NumberDefect::TiedBit if count > 0 => {
                let (new, old) = (Self::cells(u), Self::cells(self.past[count - 1]));
                let tie = |i: usize| new[i] & !(1 << 7) | old[i] & 1 << 7;
                u = Self::of_cells(core::array::from_fn(tie));
            }
            NumberDefect::Planes if count > 1 => {
                let (a, b) = (self.past[count - 1].to_array(), self.past[count - 2].to_array());
                u = f64x8::new(core::array::from_fn(|i| (6.0 * a[i] - 9.0 * b[i]).rem_euclid(1.0)));
            }
            NumberDefect::OneLane if count % 100 < 3 => {
                let mut lanes = u.to_array();
                lanes[5] *= lanes[5];
                u = f64x8::new(lanes);
            }
            NumberDefect::Lag if count >= 16 => {
                let mut lanes = u.to_array();
                lanes[3] = self.past[count - 16].to_array()[3];
                u = f64x8::new(lanes);
            }
            _ => {}
        }
        self.past.push(u);
        u
    }

    fn normals(&mut self, out: &mut [f64x8]) {
        self.stream.fill_normals(out);
        let wide = self.stream.uniform();
        for (i, z) in out.iter_mut().enumerate() {
            let altered = z.to_array().map(|z| match self.defect {
                NumberDefect::Clipped => z.clamp(-5.0, 5.0),
                NumberDefect::HeavyTail if (i as f64 + wide) % 100.0 < 1.0 => 1.5 * z,
                NumberDefect::PositiveTail if z < -4.0 => -z,
                _ => z,
            });
            *z = f64x8::new(altered);
        }
    }
}

/// The part of a key that a source leaves out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Omission {
    Seed,
    LowSeed,
    Purpose,
    Phase,
    Repetition,
    Level,
    Round,
    Block,
    HighBlock,
    /// Round and block enter by their sum.
    Order,
}

impl Omission {
    pub const ALL: [Self; 10] = [
        Self::Seed,
        Self::LowSeed,
        Self::Purpose,
        Self::Phase,
        Self::Repetition,
        Self::Level,
        Self::Round,
        Self::Block,
        Self::HighBlock,
        Self::Order,
    ];
}

/// The number behind `name` in what a key shows for debugging; a key has no other way to be read.
fn part(key: Key, name: &str) -> u64 {
    let text = format!("{key:?}");
    let (_, rest) = text.split_once(&format!("{name}: ")).unwrap();
    rest.split(|c: char| !c.is_ascii_digit()).next().unwrap().parse().unwrap()
}

/// The stream of a key without one of its parts.
pub fn omitting(omission: Omission, key: Key) -> Stream {
    let read = |name: &str| part(key, name);
    // Seed and purpose cannot be set on a key that exists: it is built anew.
    let text = format!("{key:?}");
    let phases = [Phase::Pilot, Phase::Reverse, Phase::Schedule, Phase::Study];
    let phase = phases.into_iter().find(|phase| text.contains(&format!("phase: {phase:?},")));
    let rebuilt = |seed: u64, purpose: Purpose| {
        let new = Key::new(seed, purpose).phase(phase.unwrap_or_default());
        let new = new.repetition(read("repetition")).level(read("level"));
        new.round(read("round")).block(read("block"))
    };
    let is_user = text.contains("purpose: User,");
    let purpose = if is_user { Purpose::User } else { Purpose::Bridge };
    let key = match omission {
        Omission::Seed => rebuilt(0, purpose),
        Omission::LowSeed => rebuilt(read("seed") >> 1, purpose),
        Omission::Purpose => rebuilt(read("seed"), Purpose::User),
        Omission::Phase => key.phase(Phase::Production),
        Omission::Repetition => key.repetition(0),
        Omission::Level => key.level(0),
        Omission::Round => key.round(0),
        Omission::Block => key.block(read("block") & !1),
        Omission::HighBlock => key.block(read("block") & 0xffff_ffff),
        Omission::Order => key.round(0).block(read("round") + read("block")),
    };
    key.stream()
}
