//! What figures and tables of experiments show of truth and floors.

use serde_json::{Value, json};

use super::super::sections::experiment_table;
use super::*;

/// Two rows of one panel, over an axis or not, with these measures beside log Z and a distance.
fn results(over_axis: bool, measures: &[(&str, f64)]) -> Results {
    let measure = |mean: f64| json!({"mean": mean, "std_error": 0.01, "values": [mean]});
    let row = |levels: u32| {
        let mut row = json!({
            "label": format!("{levels} levels"), "choices": {}, "settings": {}, "axis": null, "series": "AIS",
            "panel": "", "runs": 2, "failed": 0,
            "measures": {"log_z": measure(-35.0 / f64::from(levels)), "sliced_wasserstein": measure(0.5),
                "evaluations": measure(f64::from(levels))}
        });
        if over_axis {
            row["axis"] = json!({"name": "levels", "value": levels});
        }
        for &(name, mean) in measures {
            row["measures"][name] = measure(mean);
        }
        row
    };
    let results: Value = json!({
        "experiment": "e", "preset": "quick", "title": "t", "claim": "", "version": "0", "grid_sha256": "0",
        "instructions": "portable", "seeds": [1, 2], "rows": [row(16), row(32)], "claims": []
    });
    serde_json::from_value(results).unwrap()
}

fn rows(results: &Results) -> Vec<&Row> {
    results.rows.iter().collect()
}

/// Fails if log Z of targets whose truth is not known gets a rule at 0, words about it or an axis around 0, or that of
/// mixtures gets none.
#[test]
fn only_a_known_truth_is_drawn() {
    for (measures, known) in [(&[("log_z_error", 0.5)][..], true), (&[], false)] {
        let plain = results(false, measures);
        let log_z = measured(&rows(&plain))[0];
        let up = if known { Up::AroundZero } else { Up::Anywhere };
        assert_eq!(log_z, ("log_z", "log Z", up));
        let figure = row_by_row("", &rows(&plain), "f");
        assert_eq!(figure.caption.contains("truth"), known, "{}", figure.caption);
        // A truth of 0 is a solid grey rule down the column, or across the panel.
        let rules = |figure: Figure, width: &str| {
            figure
                .svg
                .matches(&format!("stroke=\"#606060\" stroke-width=\"{width}\" stroke-line"))
                .count()
        };
        assert_eq!(rules(figure, "1.2"), usize::from(known));
        let along = results(true, measures);
        assert_eq!(rules(over_axis("", &rows(&along), "levels", "f"), "1"), usize::from(known));
    }
}

/// Fails if a panel of distances has no rule at the floor, another one has it, it goes unsaid, or the floor stands in no
/// column beside the distance.
#[test]
fn distances_have_their_floor() {
    let dashed =
        |figure: &Figure| figure.svg.matches("stroke-width=\"1\" stroke-dasharray").count();
    for over in [false, true] {
        let with = results(over, &[("sliced_wasserstein_floor", 0.1)]);
        let drawn = figures(&with, "");
        assert_eq!(drawn.len(), 2);
        for figure in &drawn {
            assert_eq!(dashed(figure), 1, "{}", figure.name);
            assert!(figure.caption.contains("Dashed rule: the floor"), "{}", figure.caption);
        }
        let first = experiment_table(&with);
        let first = first.split("<details>").next().unwrap();
        assert!(
            first.contains(">sliced Wasserstein</th>") && first.contains(", floor</th>"),
            "{first}"
        );
        for figure in figures(&results(over, &[]), "") {
            assert!(
                dashed(&figure) == 0 && !figure.caption.contains("floor"),
                "{}",
                figure.caption
            );
        }
    }
}
