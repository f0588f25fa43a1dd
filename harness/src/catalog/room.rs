//! The machinery behind the list: what a room is, and how a name is found in one.
//!
//! [`rooms!`] turns each room of the list into an enum, so that a name typed by a user becomes a
//! value that every `match` in the program must handle: an entry that is listed but not
//! implemented does not compile.

use std::fmt;

/// One name that a user may choose, with the line that explains it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// The name, as written in a configuration file.
    pub name: &'static str,
    /// One line: what it is, with the formula where that is short.
    pub summary: &'static str,
}

/// All names of one kind, e.g. every bridge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// The noun of the theory, e.g. `bridge`.
    pub name: &'static str,
    /// One line: what the things in this room do.
    pub summary: &'static str,
    /// The names, in the order in which they are best read.
    pub entries: &'static [Entry],
}

/// A room as a type: a value that is one of a fixed list of names.
pub trait Choice: Copy + Eq + fmt::Debug + 'static {
    /// The room that the names stand in.
    const ROOM: Room;
    /// Every value, in the order of [`Room::entries`].
    const ALL: &'static [Self];
    /// The name, as written in a configuration file.
    fn name(self) -> &'static str;
    /// The value of that exact name.
    fn from_name(name: &str) -> Option<Self>;
}

/// The candidate that `typed` most likely stands for, if one is close enough to be worth naming.
///
/// Case and the choice between `_`, `-` and a space never count as a difference.
/// The two measures complement each other: edits catch slips in short names (`hcm` for `hmc`),
/// Jaro-Winkler rewards a common beginning (`second` for `second-order`).
pub fn nearest<'a>(typed: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // A long text is no misspelt name, and comparing it would take time quadratic in its length.
    if typed.len() > 64 {
        return None;
    }
    let plain = |text: &str| text.to_lowercase().replace(['_', ' '], "-");
    let typed = plain(typed);
    let mut best: Option<(f64, &str)> = None;
    for candidate in candidates {
        let known = plain(candidate);
        let edits = strsim::damerau_levenshtein(&typed, &known);
        let alike = strsim::jaro_winkler(&typed, &known);
        let close = alike >= 0.82 || (edits <= 1 && known.len() >= 2);
        if close && best.is_none_or(|(score, _)| alike > score) {
            best = Some((alike, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

/// Generates, from one list, an enum per room and the table of all rooms.
macro_rules! rooms {
    ($(
        $room:literal, $room_summary:literal => $kind:ident {
            $( $variant:ident = $name:literal: $summary:literal, )+
        }
    )+) => {
        $(
            #[doc = $room_summary]
            #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
            pub enum $kind {
                $( #[doc = $summary] $variant, )+
            }

            impl $kind {
                /// Every value, in the order in which they are best read.
                pub const ALL: &'static [Self] = &[$( Self::$variant, )+];

                /// The name, as written in a configuration file.
                pub const fn name(self) -> &'static str {
                    match self { $( Self::$variant => $name, )+ }
                }

                /// One line: what it is, with the formula where that is short.
                pub const fn summary(self) -> &'static str {
                    match self { $( Self::$variant => $summary, )+ }
                }

                /// The value of that exact name.
                pub fn from_name(name: &str) -> Option<Self> {
                    match name { $( $name => Some(Self::$variant), )+ _ => None }
                }
            }

            impl $crate::catalog::Choice for $kind {
                const ROOM: $crate::catalog::Room = $crate::catalog::Room {
                    name: $room,
                    summary: $room_summary,
                    entries: &[$( $crate::catalog::Entry { name: $name, summary: $summary }, )+],
                };
                const ALL: &'static [Self] = Self::ALL;
                fn name(self) -> &'static str { Self::name(self) }
                fn from_name(name: &str) -> Option<Self> { Self::from_name(name) }
            }

            impl ::std::fmt::Display for $kind {
                fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                    f.pad(self.name())
                }
            }

            impl ::serde::Serialize for $kind {
                fn serialize<S: ::serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                    to.serialize_str(self.name())
                }
            }
        )+

        /// Every room with all its entries, in the order in which data flows through them.
        pub fn rooms() -> &'static [$crate::catalog::Room] {
            const { &[$( <$kind as $crate::catalog::Choice>::ROOM, )+] }
        }
    };
}
pub(super) use rooms;

#[cfg(test)]
mod tests {
    use super::nearest;

    const KERNELS: [&str; 4] = ["none", "rwm", "mala", "hmc"];
    const BRIDGES: [&str; 4] = ["identity", "ddpm", "second-order", "exponential-integrator"];

    /// Fails when a plain slip of the finger is no longer recognised.
    #[test]
    fn slips_find_the_name_that_was_meant() {
        for (typed, meant) in [("hcm", "hmc"), ("MALA", "mala"), ("mla", "mala")] {
            assert_eq!(nearest(typed, KERNELS), Some(meant), "{typed}");
        }
        for (typed, meant) in [
            ("second_order", "second-order"),
            ("second", "second-order"),
            ("ddmp", "ddpm"),
            ("exponential", "exponential-integrator"),
        ] {
            assert_eq!(nearest(typed, BRIDGES), Some(meant), "{typed}");
        }
    }

    /// Fails when a suggestion is made for a word that resembles nothing, or for a long text.
    #[test]
    fn unrelated_words_suggest_nothing() {
        for typed in ["", "x", "langevin", "gibbs", &"hmc".repeat(1000)] {
            assert_eq!(nearest(typed, KERNELS), None, "{typed:.20}");
        }
    }
}
