//! A figure with its name, and what stands under it.

use super::html::text;
use super::palette::themed;

/// One figure of a report.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    /// Its name, that of its files.
    pub name: String,
    /// The text of an SVG file.
    pub svg: String,
    /// What it shows and how to read it.
    pub(super) caption: String,
}

impl Figure {
    /// A figure of that name; signs that have no place in the name of a file become hyphens.
    pub(super) fn new(name: &str, svg: String, caption: impl Into<String>) -> Self {
        let sign = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
        let mut safe = String::new();
        for c in name.chars().map(sign) {
            // One hyphen for a row of them, and none in front.
            if c != '-' || !(safe.is_empty() || safe.ends_with('-')) {
                safe.push(c);
            }
        }
        let name = safe.trim_end_matches('-').chars().take(80).collect();
        Self { name, svg, caption: caption.into() }
    }

    /// The figure in a page, in the colours of the page, with links to its files in a folder.
    pub(super) fn html(&self, folder: &str) -> String {
        let (folder, name) = (text(folder), &self.name);
        format!(
            "<figure id=\"{name}\">\n{}<figcaption>{} <span class=\"files\"><a href=\"{folder}/{name}.svg\">SVG</a> \
             <a href=\"{folder}/{name}.png\">PNG</a></span></figcaption></figure>\n",
            themed(&self.svg),
            text(&self.caption)
        )
    }
}

/// Gives figures of one name different ones.
pub(super) fn with_unique_names(figures: &mut [Figure]) {
    for i in 1..figures.len() {
        let (before, rest) = figures.split_at_mut(i);
        let Some(figure) = rest.first_mut() else { continue };
        let original = figure.name.clone();
        let mut count = 2;
        while before.iter().any(|other| other.name == figure.name) {
            figure.name = format!("{original}-{count}");
            count += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails if a name leads out of its folder, two files get one name, or a caption breaks the page.
    #[test]
    fn names_are_those_of_files() {
        let figure = |name: &str| Figure::new(name, "<svg></svg>".into(), "a < b");
        assert_eq!(figure("../AIS, (16, 5) ").name, "ais-16-5");
        let mut all = [figure("a"), figure("a"), figure("A"), figure("b")];
        with_unique_names(&mut all);
        assert_eq!(all.map(|f| f.name), ["a", "a-2", "a-3", "b"]);
        let html = figure("a").html("fig\"ures");
        assert!(html.contains("a &lt; b") && html.contains("fig&quot;ures/a.svg"));
    }
}
