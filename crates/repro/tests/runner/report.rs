//! The page needs nothing but itself and runs nothing; the ledger has exactly its fields.

use std::fs;

use gibbsian_repro::runner::Options;
use gibbsian_repro::{
    Axis, Check, Claim, ColourMap, Experiment, HeatMap, ImageGrid, Plot, Scale, Table, measured,
};
use ndarray::Array2;
use serde_json::Value;

use crate::toys::{LARGE, ONE, TOY, folder, options, run};

/// Text that would do harm if it were not escaped.
const HOSTILE: &str = "<script>alert('x')</script> & \"quotes\" </style>";

const HOSTILE_CLAIM: Claim = Claim {
    claim: HOSTILE,
    source: HOSTILE,
    reason: HOSTILE,
    quick: Some(Check::between(0.0, 2.0)),
    ..ONE
};

const HOSTILE_EXPERIMENT: Experiment = Experiment {
    id: "hostile",
    title: HOSTILE,
    question: HOSTILE,
    mathematics: HOSTILE,
    shows: HOSTILE,
    source: HOSTILE,
    budget_seconds: 10,
    claims: &[HOSTILE_CLAIM, LARGE],
    run: |ctx| {
        let plot = Plot::new(HOSTILE, Axis::linear(HOSTILE), Axis::linear(HOSTILE))
            .heat_map(HeatMap::new(
                HOSTILE,
                Array2::eye(3).view(),
                (0.0, 1.0),
                (0.0, 1.0),
            ))
            .line(HOSTILE, [(0.0, 0.0), (1.0, 1.0)]);
        ctx.plot("hostile", HOSTILE, &plot)?;
        let grid = ImageGrid::new(Array2::eye(4).view(), 2, 2).colours(ColourMap::Grey, 0.0, 1.0);
        ctx.images("grid", HOSTILE, &grid)?;
        let mut table = Table::new(["x"]);
        table.row([HOSTILE.into()])?;
        ctx.table("table", HOSTILE, &table)?;
        ctx.note(HOSTILE);
        ctx.measure(&HOSTILE_CLAIM, 1.0)
    },
};

const FAILING: Experiment = Experiment {
    id: "failing",
    run: |_| Err(HOSTILE.into()),
    ..TOY
};

fn page(test: &str) -> String {
    let out = folder(test);
    run(&[&HOSTILE_EXPERIMENT, &FAILING], &options(&out));
    fs::read_to_string(out.join("index.html")).unwrap()
}

#[test]
fn no_text_becomes_markup() {
    let page = page("escaped");
    assert!(!page.to_lowercase().contains("<script"));
    assert!(!page.contains("alert('x')"));
    // Everything that was said is there, escaped: in the table of all claims, in the section, in both kinds of figure.
    let escaped = "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; &amp; &quot;quotes&quot; &lt;/style&gt;";
    assert!(
        page.matches(escaped).count() >= 15,
        "{}",
        page.matches(escaped).count()
    );
}

#[test]
fn the_page_asks_nobody_for_anything() {
    let page = page("self-contained");
    assert!(page.contains("http-equiv=\"Content-Security-Policy\" content=\"default-src 'none';"));
    assert!(page.contains("name=\"viewport\""));
    // The only address is the name of the SVG language, which nobody fetches.
    let without_names = page.replace("xmlns=\"http://www.w3.org/2000/svg\"", "");
    assert!(page.contains("<math "), "no formula on the page");
    for forbidden in [
        "http:",
        "https:",
        "//cdn",
        "<link",
        "<iframe",
        "@import",
        "url(",
        "javascript:",
        " onload",
        " onclick",
    ] {
        assert!(!without_names.contains(forbidden), "{forbidden}");
    }
    for source in page.split("src=\"").skip(1).chain(page.split(" href=\"").skip(1)) {
        // Pictures are on the page, links lead to places on it or to the files that the run has put beside it.
        assert!(
            source.starts_with("data:image/png;base64,")
                || source.starts_with('#')
                || source.starts_with("hostile/table.csv\""),
            "{}",
            &source[..40]
        );
    }
    assert!(page.contains("<svg") && page.contains("<img src=\"data:image/png"));
}

#[test]
fn the_page_counts_the_verdicts_and_says_how_to_redo_each() {
    let page = page("counts");
    for count in [
        "2 experiments at <strong>quick scale</strong> with seed <strong>1</strong>",
        "<strong>1</strong> passed",
        "<strong>2</strong> failed",
        "<strong>1</strong> skipped",
    ] {
        assert!(page.contains(count), "{count}");
    }
    assert!(page.contains("<code>cargo xtask reproduce hostile</code>"));
    assert!(page.contains("<a href=\"#hostile\">") && page.contains(" id=\"hostile\">"));
    let out = folder("redo");
    let options = Options {
        scale: Scale::Full,
        seed: 9,
        ..options(&out)
    };
    run(&[&TOY], &options);
    let page = fs::read_to_string(out.join("index.html")).unwrap();
    assert!(page.contains("<code>cargo xtask reproduce toy --full --seed 9</code>"));
}

#[test]
fn every_link_within_the_page_leads_somewhere() {
    let page = page("links");
    let targets: Vec<&str> = (page.split(" href=\"#").skip(1))
        .filter_map(|rest| rest.split('"').next())
        .collect();
    // The cell of a claim in the overview leads to its row.
    assert!(
        targets.contains(&"hostile-1") && targets.contains(&"failing-2"),
        "{targets:?}"
    );
    for target in targets {
        assert_eq!(page.matches(&format!(" id=\"{target}\"")).count(), 1, "{target}");
    }
}

#[test]
fn the_overview_says_by_how_much() {
    const NEAR: Claim = Claim {
        claim: "near",
        quick: Some(Check::value(1.0).within_standard_errors(4.0)),
        ..ONE
    };
    const OUT: Claim = Claim {
        claim: "out",
        quick: Some(Check::at_most(4.0)),
        ..ONE
    };
    const E: Experiment = Experiment {
        claims: &[ONE, NEAR, OUT, LARGE],
        run: |ctx| {
            ctx.measure(&ONE, 1.0)?;
            ctx.measure(&NEAR, measured(1.375).with_error(0.125))?;
            ctx.measure(&OUT, 5.0)
        },
        ..TOY
    };
    let out = folder("margins");
    let (_, printed) = run(&[&E], &options(&out));
    let page = fs::read_to_string(out.join("index.html")).unwrap();
    let cell = |place: usize| {
        let start = page.find(&format!("href=\"#toy-{place}\"")).unwrap();
        page[start..].split("</a>").next().unwrap().to_string()
    };
    for (place, words, short) in [
        (1, "aria-label=\"exact\"", "<span>exact</span>"),
        (2, "aria-label=\"25 % (1 se) to spare\"", "<span>25 %</span>"),
        (3, "aria-label=\"25 % outside\"", "<span>✗ −25 %</span>"),
        (4, "aria-label=\"not measured\"", "<span>full scale</span>"),
    ] {
        let cell = cell(place);
        assert!(cell.contains(words) && cell.ends_with(short), "{cell}");
    }
    assert!(page.contains("1.375 (se 0.12)"));
    assert!(page.contains("<section class=\"failed\""));
    for line in [
        "  failed: toy: out (25 % outside)",
        "  closest: toy: near (25 % (1 se) to spare)",
    ] {
        assert!(printed.contains(line), "{printed}");
    }
}

#[test]
fn a_formula_that_cannot_be_read_is_said_and_costs_no_page() {
    const E: Experiment = Experiment {
        mathematics: "A formula $\\nosuchcommand x$ and more.",
        ..TOY
    };
    let out = folder("formula");
    run(&[&E], &options(&out));
    let page = fs::read_to_string(out.join("index.html")).unwrap();
    assert!(page.contains("unknown primitive command") && page.contains("$\\nosuchcommand x$ and more."));
}

#[test]
fn every_tag_is_closed() {
    let page = page("balanced");
    for tag in [
        "section",
        "table",
        "tbody",
        "tr",
        "td",
        "th",
        "p",
        "ul",
        "li",
        "figure",
        "figcaption",
        "svg",
        "g",
        "style",
        "math",
        "mrow",
        "nav",
        "main",
        "dl",
        "a",
        "div",
        "span",
    ] {
        let opened = page.matches(&format!("<{tag}>")).count() + page.matches(&format!("<{tag} ")).count();
        assert_eq!(opened, page.matches(&format!("</{tag}>")).count(), "{tag}");
    }
}

#[test]
fn the_ledger_has_exactly_its_fields() {
    const RANGE: Claim = Claim {
        claim: "a range open above",
        quick: Some(Check::at_least(0.5)),
        ..ONE
    };
    const SAMPLED: Claim = Claim {
        claim: "a reference with an error",
        provenance: gibbsian_repro::Provenance::MonteCarlo,
        quick: Some(Check::reference().within_standard_errors(2.0)),
        ..ONE
    };
    const E: Experiment = Experiment {
        claims: &[ONE, RANGE, SAMPLED, LARGE],
        run: |ctx| {
            ctx.measure(&ONE, 1.0)?;
            ctx.measure(&RANGE, 0.25)?;
            ctx.measure(&SAMPLED, measured(3.0).against(3.25).with_error(0.5))
        },
        ..TOY
    };
    let out = folder("ledger");
    let seed = u64::MAX;
    run(
        &[&E],
        &Options {
            seed,
            ..options(&out)
        },
    );
    let ledger: Value = serde_json::from_str(&fs::read_to_string(out.join("ledger.json")).unwrap()).unwrap();
    let names = |value: &Value| {
        let mut names: Vec<String> = value.as_object().unwrap().keys().cloned().collect();
        names.sort();
        names
    };
    assert_eq!(names(&ledger), ["arithmetic", "claims", "scale", "seed"]);
    assert_eq!(ledger["arithmetic"].as_str(), Some("lists"));
    assert_eq!(ledger["scale"], "quick");
    assert_eq!(ledger["seed"].as_u64(), Some(seed));
    let claims = ledger["claims"].as_array().unwrap();
    assert_eq!(claims.len(), 4);
    let fields = [
        "claim",
        "expected",
        "experiment",
        "measured",
        "provenance",
        "scale",
        "seconds",
        "seed",
        "source",
        "tolerance",
        "verdict",
    ];
    for claim in claims {
        assert_eq!(names(claim), fields);
        assert!(claim["tolerance"].is_number() && claim["seconds"].is_number());
        assert_eq!(claim["experiment"], "toy");
        assert_eq!(claim["scale"], "quick");
        assert_eq!(claim["seed"].as_u64(), Some(seed));
    }
    let column = |name: &str| -> Vec<Value> { claims.iter().map(|c| c[name].clone()).collect() };
    assert_eq!(column("verdict"), ["pass", "fail", "pass", "skipped"]);
    assert_eq!(column("provenance"), ["exact", "exact", "monte-carlo", "exact"]);
    let expected: Value = serde_json::from_str("[1.0, [0.5, null], 3.25, [10.0, null]]").unwrap();
    assert_eq!(Value::Array(column("expected")), expected);
    let measured: Value = serde_json::from_str("[1.0, 0.25, 3.0, null]").unwrap();
    assert_eq!(Value::Array(column("measured")), measured);
    assert_eq!(column("tolerance")[2], 1.0);
}
