//! Many records of one form as one record with as many entries as one of them.
//!
//! A checkpoint has room for some thousand names, and there can be more blocks of chains than that. So entries of the same name and kind are laid
//! end to end, with a list of their shapes beside them: for each record 0 where it has no such entry, else one more than its number of axes, and
//! their lengths.

use gibbsian_core::{Error, Record, Result, Values};

/// All records in one.
pub(crate) fn join(records: &[Record]) -> Record {
    let mut names: Vec<String> = Vec::new();
    for (name, _, values) in records.iter().flat_map(Record::entries) {
        let name = joined_name(name, values);
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let mut joined = Record::new();
    for name in names {
        let mut shapes = Vec::new();
        let mut all: Option<Values> = None;
        for record in records {
            let entry = record
                .entries()
                .find(|(n, _, values)| joined_name(n, values) == name);
            let Some((_, shape, values)) = entry else {
                shapes.push(0);
                continue;
            };
            shapes.push(1 + shape.len() as u64);
            shapes.extend(shape.iter().map(|&n| n as u64));
            match (&mut all, values) {
                (None, values) => all = Some(values.clone()),
                (Some(Values::F64(all)), Values::F64(more)) => all.extend(more),
                (Some(Values::F32(all)), Values::F32(more)) => all.extend(more),
                (Some(Values::U64(all)), Values::U64(more)) => all.extend(more),
                (Some(Values::U8(all)), Values::U8(more)) => all.extend(more),
                // The name says the kind.
                _ => unreachable!("two kinds of numbers in `{name}`"),
            }
        }
        let all = all.expect("a name is that of some entry");
        joined.put(format!("{name}.shapes"), &[shapes.len()], Values::U64(shapes));
        joined.put(name, &[all.len()], all);
    }
    joined
}

/// The records that [`join`] made one of.
pub(crate) fn split(joined: &Record, n_records: usize) -> Result<Vec<Record>> {
    let mut records = vec![Record::new(); n_records];
    for (joined_name, _, values) in joined.entries() {
        if joined_name.ends_with(".shapes") {
            continue;
        }
        let wrong = |found: String, expected: &str| {
            Error::format(format!("snapshot entry `{joined_name}`"), found, expected)
        };
        let shapes_name = format!("{joined_name}.shapes");
        let n_shapes = joined
            .shape(&shapes_name)
            .map_or(0, |shape| shape.iter().product());
        let mut shapes = joined
            .u64s(&shapes_name, &[n_shapes])?
            .iter()
            .map(|&n| n as usize);
        let name = joined_name.rsplit_once('.').map_or(joined_name, |(name, _)| name);
        let mut start = 0_usize;
        for (i, record) in records.iter_mut().enumerate() {
            let unreadable = || wrong(format!("shapes that end at record {i}"), "one shape a record");
            let Some(rank) = shapes.next().ok_or_else(unreadable)?.checked_sub(1) else {
                continue;
            };
            let shape: Vec<usize> = shapes.by_ref().take(rank).collect();
            let end = shape
                .iter()
                .try_fold(1_usize, |size, &n| size.checked_mul(n))
                .and_then(|size| start.checked_add(size))
                .filter(|&end| end <= values.len() && shape.len() == rank)
                .ok_or_else(|| wrong(format!("{} numbers", values.len()), "as many as the shapes need"))?;
            if record.shape(name).is_some() {
                return Err(wrong("two kinds of numbers for it".into(), "one"));
            }
            record.put(name, &shape, slice(values, start..end));
            start = end;
        }
        if start != values.len() || shapes.next().is_some() {
            let found = format!("{} numbers", values.len());
            return Err(wrong(
                found,
                &format!("{start}, one shape for each of {n_records} records"),
            ));
        }
    }
    Ok(records)
}

fn joined_name(name: &str, values: &Values) -> String {
    let kind = match values {
        Values::F64(_) => "f64",
        Values::F32(_) => "f32",
        Values::U64(_) => "u64",
        Values::U8(_) => "u8",
    };
    format!("{name}.{kind}")
}

fn slice(values: &Values, range: std::ops::Range<usize>) -> Values {
    match values {
        Values::F64(v) => Values::F64(v[range].to_vec()),
        Values::F32(v) => Values::F32(v[range].to_vec()),
        Values::U64(v) => Values::U64(v[range].to_vec()),
        Values::U8(v) => Values::U8(v[range].to_vec()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records() -> Vec<Record> {
        let mut first = Record::new();
        first.put("x", &[2, 1], Values::F64(vec![1.0, 2.0]));
        first.put("n", &[], Values::U64(vec![7]));
        let mut second = Record::new();
        second.put("x", &[1, 1], Values::F64(vec![3.0]));
        second.put("n", &[], Values::U64(vec![8]));
        second.put("part.flags", &[0], Values::U8(vec![]));
        vec![first, second, Record::new()]
    }

    #[test]
    fn records_come_back_whatever_their_shapes() {
        let joined = join(&records());
        assert_eq!(joined.entries().count(), 6);
        assert_eq!(split(&joined, 3).unwrap(), records());
        assert_eq!(split(&join(&[]), 0).unwrap(), []);
    }

    #[test]
    fn what_was_not_joined_is_refused() {
        let joined = join(&records());
        assert!(split(&joined, 2).unwrap_err().to_string().contains("x.f64"));
        assert!(split(&joined, 4).is_err());
        for (bad_shapes, n_values) in [
            (vec![3, 2, 1, 3, 1, 1, 0], 4),
            (vec![3, 2, 1, 3, 1, 1, 0], 2),
            (vec![3, 2, 1, 3, 1], 3),
            (vec![3, u64::MAX, u64::MAX, 0, 0], 3),
            (vec![u64::MAX], 3),
        ] {
            let mut bad = Record::new();
            bad.put("x.f64.shapes", &[bad_shapes.len()], Values::U64(bad_shapes));
            bad.put("x.f64", &[n_values], Values::F64(vec![0.0; n_values]));
            assert!(split(&bad, 3).is_err());
        }
        let mut bad = Record::new();
        bad.put("x.f64", &[1], Values::F64(vec![0.0]));
        assert!(split(&bad, 1).unwrap_err().to_string().contains("x.f64"));
    }
}
