//! Colours, shapes and dashes: what tells series apart, also in print and with any colour vision.

/// Okabe and Ito's palette: told apart with any colour vision, and by lightness in grey print.
pub(super) const BLUE: &str = "#0072B2";
pub(super) const VERMILLION: &str = "#D55E00";
pub(super) const GREEN: &str = "#009E73";
pub(super) const PURPLE: &str = "#CC79A7";
pub(super) const ORANGE: &str = "#E69F00";
pub(super) const SKY: &str = "#56B4E9";
/// Text and frames.
pub(super) const BLACK: &str = "#000000";
/// The sheet.
pub(super) const WHITE: &str = "#FFFFFF";
/// Rules and notes.
pub(super) const GREY: &str = "#606060";
/// Light rules, and lighter ones where there are many.
pub(super) const LIGHT: &str = "#C4C4C4";
pub(super) const LIGHTER: &str = "#E2E2E2";

/// The variables of a page that stand for the colours.
const VARIABLES: [(&str, &str); 11] = [
    (BLUE, "--blue"),
    (VERMILLION, "--vermillion"),
    (GREEN, "--green"),
    (PURPLE, "--purple"),
    (ORANGE, "--orange"),
    (SKY, "--sky"),
    (BLACK, "--ink"),
    (WHITE, "--paper"),
    (GREY, "--grey"),
    (LIGHT, "--light"),
    (LIGHTER, "--lighter"),
];

/// What marks a point; shapes tell series apart without colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Dot,
    Triangle,
    Cross,
    Square,
    Diamond,
    Plus,
    /// A triangle that points down.
    Pointer,
}

/// The gaps of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dash {
    Solid,
    Long,
    Short,
    LongShort,
}

impl Dash {
    /// As an attribute of SVG, with a space before it.
    pub(super) const fn attribute(self) -> &'static str {
        match self {
            Self::Solid => "",
            Self::Long => " stroke-dasharray=\"8 3\"",
            Self::Short => " stroke-dasharray=\"2.5 2.5\"",
            Self::LongShort => " stroke-dasharray=\"9 3 2 3\"",
        }
    }
}

/// What a series looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Style {
    pub(super) shape: Shape,
    pub(super) colour: &'static str,
    pub(super) dash: Dash,
}

/// Shapes and colours in the order of the series.
const STYLES: [(Shape, &str); 7] = [
    (Shape::Dot, BLUE),
    (Shape::Triangle, VERMILLION),
    (Shape::Cross, GREEN),
    (Shape::Square, PURPLE),
    (Shape::Diamond, ORANGE),
    (Shape::Plus, BLACK),
    (Shape::Pointer, SKY),
];
const DASHES: [Dash; 4] = [Dash::Solid, Dash::Long, Dash::Short, Dash::LongShort];

/// The style of the `index`-th series; 28 differ.
pub(super) fn style(index: usize) -> Style {
    let (shape, colour) = STYLES[index % STYLES.len()];
    Style {
        shape,
        colour,
        dash: DASHES[(index % STYLES.len() + index / STYLES.len()) % DASHES.len()],
    }
}

/// A figure whose colours are those of the page it stands in.
pub(super) fn themed(svg: &str) -> String {
    VARIABLES.iter().fold(svg.to_owned(), |svg, (colour, name)| {
        svg.replace(&format!("\"{colour}\""), &format!("\"var({name}, {colour})\""))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// Fails if two of the first 28 series look the same.
    #[test]
    fn series_differ() {
        let looks: BTreeSet<String> = (0..28).map(|i| format!("{:?}", style(i))).collect();
        assert_eq!(looks.len(), 28);
    }

    /// Fails if a colour keeps its light value in a dark page, or the plain value gets lost.
    #[test]
    fn colours_follow_the_page() {
        let svg = themed("<a fill=\"#000000\"/><b stroke=\"#0072B2\"/><c fill=\"#123456\"/>");
        assert_eq!(
            svg,
            "<a fill=\"var(--ink, #000000)\"/><b stroke=\"var(--blue, #0072B2)\"/><c fill=\"#123456\"/>"
        );
    }
}
