//! A figure as a PNG file, with the bundled font.
//!
//! The font is a subset of DejaVu Sans, beside its licence; fonts of the machine are never used, so equal
//! figures give equal files anywhere.

use std::sync::{Arc, OnceLock};

use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::fontdb::Database;
use resvg::usvg::{Options, Tree};

use super::{ReportError, Result};

const FONT: &[u8] = include_bytes!("font/DejaVuSans-subset.ttf");
/// Pixels for one point: sharp in print at half a page's width.
const SCALE: f32 = 2.0;

/// The figure as the bytes of a PNG file, two pixels to the point.
///
/// # Errors
/// Text that is no SVG, or a size that no bitmap has.
pub fn png(svg: &str) -> Result<Vec<u8>> {
    static FONTS: OnceLock<Arc<Database>> = OnceLock::new();
    let fonts = FONTS.get_or_init(|| {
        let mut fonts = Database::new();
        fonts.load_font_data(FONT.to_vec());
        fonts.set_sans_serif_family("DejaVu Sans");
        Arc::new(fonts)
    });
    let options =
        Options { fontdb: fonts.clone(), font_family: "DejaVu Sans".into(), ..Options::default() };
    let failed = |what: &str| ReportError::Bitmap(what.to_owned());
    let tree = Tree::from_str(svg, &options).map_err(|error| failed(&error.to_string()))?;
    let size = tree.size();
    let pixels = |length: f32| libm::ceilf(SCALE * length) as u32;
    let mut bitmap = Pixmap::new(pixels(size.width()), pixels(size.height()))
        .ok_or_else(|| failed("its size is out of range"))?;
    resvg::render(&tree, Transform::from_scale(SCALE, SCALE), &mut bitmap.as_mut());
    bitmap.encode_png().map_err(|error| failed(&error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::super::canvas::{Anchor, Canvas, Text};
    use super::*;

    fn dark_pixels(text: &str) -> usize {
        let mut canvas = Canvas::new(60.0);
        canvas.text((20.0, 30.0), text, Text::new(30.0, Anchor::Start));
        let bytes = png(&canvas.finish("t", "d")).unwrap();
        let bitmap = Pixmap::decode_png(&bytes).unwrap();
        assert_eq!((bitmap.width(), bitmap.height()), (1800, 120));
        bitmap.pixels().iter().filter(|pixel| pixel.red() < 100).count()
    }

    /// Fails if text is lost, a sign of the figures is missing from the font (which then draws the box of
    /// a missing sign, as it does for a private one), or a bitmap depends on more than the figure.
    #[test]
    fn every_sign_of_the_figures_is_drawn() {
        assert_eq!(dark_pixels(""), 0);
        let missing = dark_pixels("\u{E000}");
        for sign in "aZ09αβλσΛ±−–…≤≥×√∞→←′²ü".chars() {
            let drawn = dark_pixels(&sign.to_string());
            assert!(drawn > 8 && drawn != missing, "{sign}: {drawn} pixels, {missing} if missing");
        }
        let svg = Canvas::new(20.0).finish("t", "d");
        assert_eq!(png(&svg).unwrap(), png(&svg).unwrap());
        assert!(png("no figure").is_err());
    }
}
