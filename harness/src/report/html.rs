//! The shell of every page: one file that needs nothing else, no script, no font, no network.
//!
//! Light and dark follow the reader's system; on paper everything is light.

use super::canvas::escaped;

/// Colours and type of all pages. Figures take their colours from the same variables.
const STYLE: &str = "
:root { color-scheme: light dark; --ink: #000000; --paper: #FFFFFF; --grey: #606060; --light: #C4C4C4;
  --lighter: #E2E2E2; --blue: #0072B2; --vermillion: #D55E00; --green: #009E73; --purple: #CC79A7;
  --orange: #E69F00; --sky: #56B4E9; --text: #1c1c1c; --soft: #595959; --edge: #dddddd; --shade: #f5f5f5;
  --good: #1f7a4d; --bad: #b3261e; --open: #8a5a00; --link: #0a58a5; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8e8e8; --paper: #16181c; --grey: #a8a8a8;
  --light: #55585f; --lighter: #383b42; --blue: #5db0ea; --vermillion: #ff8a3d; --green: #2fc79a;
  --purple: #e39bc4; --orange: #f2b53a; --sky: #8fd0f7; --text: #e4e4e4; --soft: #a9a9a9; --edge: #3a3d44;
  --shade: #20232a; --good: #2c8f5f; --bad: #c9473f; --open: #a8761a; --link: #7db8f0; } }
@media print { :root { color-scheme: light; --ink: #000000; --paper: #FFFFFF; --grey: #606060; --light: #C4C4C4;
  --lighter: #E2E2E2; --blue: #0072B2; --vermillion: #D55E00; --green: #009E73; --purple: #CC79A7;
  --orange: #E69F00; --sky: #56B4E9; --text: #000000; --soft: #444444; --edge: #bbbbbb; --shade: #ffffff;
  --good: #1f7a4d; --bad: #b3261e; --open: #8a5a00; --link: #000000; } }
* { box-sizing: border-box; }
body { font: 16px/1.5 system-ui, 'DejaVu Sans', sans-serif; margin: 0 auto; max-width: 64rem; padding: 1rem 1rem 4rem;
  color: var(--text); background: var(--paper); overflow-wrap: break-word; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 1rem 0 .3rem; }
h2 { font-size: 1.25rem; margin: 2.4rem 0 .6rem; } h3 { font-size: 1.05rem; margin: 1.6rem 0 .4rem; }
a { color: var(--link); } code, pre { font-family: 'DejaVu Sans Mono', ui-monospace, monospace; font-size: .85em; }
.soft { color: var(--soft); } .small { font-size: .875rem; }
table { border-collapse: collapse; width: 100%; font-size: .875rem; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .25rem .6rem; border-bottom: 1px solid var(--edge); vertical-align: top; }
th { font-weight: 600; } td.number, th.number { text-align: right; } .rows td.number { white-space: nowrap; }
.rows table { font-size: .8125rem; } .rows th, .rows td { padding: .2rem .35rem; }
td:first-child { min-width: 8rem; }
.wide { overflow-x: auto; }
.banner { padding: .6rem 1rem; border-radius: .4rem; color: white; background: var(--good); }
.banner.failed { background: var(--bad); }
.badge { display: inline-block; padding: .05rem .55rem; border-radius: .8rem; color: white; background: var(--soft);
  font-size: .8125rem; font-weight: 600; white-space: nowrap; }
.badge.good { background: var(--good); } .badge.bad { background: var(--bad); } .badge.open { background: var(--open); }
details { margin: 1rem 0; } summary { cursor: pointer; }
@media print { body { font-size: 10pt; max-width: none; padding: 0; } table { font-size: 7pt; } nav { display: none; }
  .wide { overflow: visible; } td:first-child { min-width: 6rem; }
  th, td { padding: .1rem .25rem; }
  .badge, .banner { color: black !important; background: none !important; border: 1px solid black; font-size: inherit; }
  details::details-content { content-visibility: visible; display: block; }
  h2, h3 { break-after: avoid; } figure, tr, .keep { break-inside: avoid; } a { text-decoration: none; } }
";

/// What a page may load: its own style, and nothing else from anywhere.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:";

/// What tells our pages from all others.
pub(crate) const MARK: &str = "<meta name=\"generator\" content=\"amc\">";

/// A page with a title, rules of style of its own, and a body of HTML.
pub(crate) fn page(title: &str, style: &str, body: &str) -> String {
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\
         {MARK}<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <link rel=\"icon\" href=\"data:,\">\
         <title>{}</title><style>{STYLE}{style}</style></head><body>\n{body}</body></html>\n",
        text(title)
    )
}

/// Text as HTML shows it.
pub(crate) fn text(text: &str) -> String {
    escaped(text)
}

/// A table; columns from `numeric` on are right-aligned. Cells are HTML.
pub(crate) fn table(header: &[&str], numeric: usize, rows: &[Vec<String>]) -> String {
    let class = |column: usize| if column >= numeric { " class=\"number\"" } else { "" };
    let cells = |tag: &str, cells: &mut dyn Iterator<Item = &str>| -> String {
        let cells = cells.enumerate();
        cells.map(|(i, cell)| format!("<{tag}{}>{cell}</{tag}>", class(i))).collect()
    };
    let mut html = String::from("<div class=\"wide\"><table>\n<thead><tr>");
    html += &cells("th", &mut header.iter().copied());
    html += "</tr></thead>\n<tbody>\n";
    for row in rows {
        html += &format!("<tr>{}</tr>\n", cells("td", &mut row.iter().map(|cell| &**cell)));
    }
    html + "</tbody></table></div>\n"
}

#[cfg(test)]
pub(crate) mod checks {
    /// Panics unless every tag of a page or figure is closed, in order.
    pub(crate) fn assert_balanced(html: &str) {
        const VOID: [&str; 4] = ["meta", "link", "br", "!DOCTYPE"];
        let mut open: Vec<&str> = Vec::new();
        for (_, rest) in html.match_indices('<').map(|(at, _)| html.split_at(at + 1)) {
            let (tag, _) = rest.split_once('>').expect("a tag ends");
            assert!(!tag.contains('<'), "text is not escaped: <{}", &tag[..tag.len().min(60)]);
            let name = tag.split([' ', '\n', '/']).next().unwrap_or_default();
            if let Some(closed) = tag.strip_prefix('/') {
                assert_eq!(open.pop(), Some(closed), "closed out of order");
            } else if !VOID.contains(&name) && !tag.ends_with('/') {
                open.push(name);
            }
        }
        assert!(open.is_empty(), "not closed: {open:?}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails if a title breaks the page, a tag stays open, or numbers are not right-aligned.
    #[test]
    fn a_page_is_well_formed() {
        let rows = [vec![text("a<b>"), "1".to_owned()]];
        let html = page("t</title>", "", &table(&["name", "value"], 1, &rows));
        checks::assert_balanced(&html);
        assert!(
            html.contains("<title>t&lt;/title&gt;</title>") && html.contains("<td>a&lt;b&gt;</td>")
        );
        assert!(html.contains("<td class=\"number\">1</td>") && html.contains("<th>name</th>"));
    }
}
