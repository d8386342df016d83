//! Laws of state that survives an interruption.

use gibbsian_core::{Record, Snapshot, Values};

use crate::verdict::{Failure, Verdict, require};

/// Checks [`Snapshot`]: what `state` saves restores into `other`, a differently initialised value of the same shape,
/// bit for bit; a record in which an entry is missing, has another shape or another kind of number is refused by the
/// entry's name and leaves the state as it was.
///
/// # Errors
/// The first law that does not hold.
pub fn snapshot<S: Snapshot + ?Sized>(state: &S, other: &mut S) -> Verdict {
    let saved = state.snapshot();
    let before = other.snapshot();
    require(
        saved.entries().next().is_some() && !same(&saved, &before),
        "probes are two different states",
        "both save the same record, or nothing",
    )?;
    for (name, ..) in saved.entries() {
        for (what, spoilt) in [
            ("missing", without(&saved, name)),
            ("of another shape", changed(&saved, name, Spoil::Shape)),
            ("of another kind", changed(&saved, name, Spoil::Kind)),
        ] {
            match other.restore(&spoilt) {
                Ok(()) => {
                    return Err(Failure::new(
                        "a record that does not fit is refused",
                        format_args!("`{name}` is {what}"),
                    ));
                }
                Err(e) => require(
                    e.to_string().contains(name),
                    "a refusal names the entry",
                    format_args!("`{name}` is {what}, but the error is: {e}"),
                )?,
            }
            require(
                same(&other.snapshot(), &before),
                "a refused record leaves the state unchanged",
                format_args!("`{name}` is {what}"),
            )?;
        }
    }
    other
        .restore(&saved)
        .map_err(|e| Failure::refused("a snapshot restores", &e))?;
    require(
        same(&other.snapshot(), &saved),
        "a restored state saves the same bits",
        difference(&other.snapshot(), &saved),
    )
}

/// What to change in an entry.
#[derive(Clone, Copy, PartialEq)]
enum Spoil {
    Shape,
    Kind,
}

fn without(record: &Record, name: &str) -> Record {
    let mut out = Record::new();
    for (n, shape, values) in record.entries().filter(|(n, ..)| *n != name) {
        out.put(n, shape, values.clone());
    }
    out
}

fn changed(record: &Record, name: &str, spoil: Spoil) -> Record {
    let mut out = Record::new();
    for (n, shape, values) in record.entries() {
        if n != name {
            out.put(n, shape, values.clone());
        } else if spoil == Spoil::Shape {
            // One axis more, of a length that no honest shape has by accident.
            let shape: Vec<usize> = shape.iter().copied().chain([3]).collect();
            out.put(n, &shape, repeated(values, 3));
        } else {
            let other = match values {
                Values::U8(_) => Values::F64(vec![0.5; values.len()]),
                _ => Values::U8(vec![1; values.len()]),
            };
            out.put(n, shape, other);
        }
    }
    out
}

fn repeated(values: &Values, n: usize) -> Values {
    match values {
        Values::F64(v) => Values::F64(v.repeat(n)),
        Values::F32(v) => Values::F32(v.repeat(n)),
        Values::U64(v) => Values::U64(v.repeat(n)),
        Values::U8(v) => Values::U8(v.repeat(n)),
    }
}

fn same(a: &Record, b: &Record) -> bool {
    difference(a, b).is_empty()
}

/// The first entry in which two records differ in a bit, or nothing.
fn difference(a: &Record, b: &Record) -> String {
    let (mut a, mut b) = (a.entries(), b.entries());
    loop {
        match (a.next(), b.next()) {
            (None, None) => return String::new(),
            (Some((n, s, v)), Some((m, t, w))) if n == m && s == t && bits(v) == bits(w) => {}
            (x, y) => return format!("{:?} against {:?}", x.map(|x| (x.0, x.1)), y.map(|y| (y.0, y.1))),
        }
    }
}

/// The kind of number and the bits of each.
fn bits(values: &Values) -> (u8, Vec<u64>) {
    match values {
        Values::F64(v) => (0, v.iter().map(|v| v.to_bits()).collect()),
        Values::F32(v) => (1, v.iter().map(|v| u64::from(v.to_bits())).collect()),
        Values::U64(v) => (2, v.clone()),
        Values::U8(v) => (3, v.iter().map(|&v| u64::from(v)).collect()),
    }
}
