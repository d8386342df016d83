//! Which columns and rows of a file are used, and the refusal of columns that are probably no measurements.

use ndarray::Axis;

use super::file::{DataFile, Rows};
use super::survey;
use super::{DataKeys, Missing};
use crate::failure::{Failure, Result, toml_text};

/// Leaves out what is not modelled, and refuses what should not be; with the places in the file, from 0, of the rows that are left.
pub(super) fn select(
    file: DataFile,
    keys: &DataKeys,
    notes: &mut Vec<String>,
) -> Result<(DataFile, Vec<usize>)> {
    let Rows::Table(values) = &file.rows else {
        refuse_columns_of_pictures(&file, keys)?;
        let rows = (0..file.n_rows()).collect();
        return Ok((file, rows));
    };
    for (key, names) in [
        ("data.columns", keys.columns.as_deref().unwrap_or_default()),
        ("data.drop", keys.drop.as_slice()),
        ("data.label", keys.label.as_slice()),
    ] {
        if let Some(name) = names.iter().find(|name| !file.names.contains(name)) {
            let how = if file.is_named {
                "by their names"
            } else {
                "by their numbers from 1, as the file has no header"
            };
            return Err(Failure::key(
                key,
                format!("{name:?}"),
                format!("among the columns {}", listed(&file.names)),
                format!(
                    "name columns {how}; `gibbsian show {}` lists them",
                    file.path.display()
                ),
            ));
        }
    }
    let is_left_out = |name: &String| keys.drop.contains(name) || keys.label.as_ref() == Some(name);
    let is_wanted = |name: &&String| keys.columns.as_ref().is_none_or(|columns| columns.contains(name));
    let used: Vec<usize> = (file.names.iter().enumerate())
        .filter(|(_, name)| is_wanted(name) && !is_left_out(name))
        .map(|(i, _)| i)
        .collect();
    if used.is_empty() {
        return Err(Failure::refused(
            format!("no column of {} is left to be modelled", file.path.display()),
            "take columns out of data.drop, or put some into data.columns",
        ));
    }
    if keys.columns.is_none() {
        refuse_suspects(&file, &used)?;
    }

    let mut bad_rows: Vec<usize> = Vec::new();
    let defects: Vec<_> = file.defects.iter().filter(|d| used.contains(&d.column)).collect();
    if let Some(first) = defects.iter().find(|d| !d.is_missing).or(defects.first()) {
        let name = &file.names[first.column];
        let n = defects.iter().filter(|d| d.column == first.column).count();
        let place = if first.line > 0 {
            format!("line {}", first.line)
        } else {
            format!("row {}", first.row + 1)
        };
        if !first.is_missing {
            return Err(Failure::refused(
                format!(
                    "column {name:?} of {} has {:?} in {place}, {n} such entries in all, but every entry must be a finite decimal number",
                    file.path.display(),
                    first.text
                ),
                format!(
                    "leave the column out with data.drop = [{0}], or with data.label = {0} if it says what a row is; or encode it as numbers",
                    toml_text(name)
                ),
            ));
        }
        bad_rows = defects.iter().map(|d| d.row).collect();
        bad_rows.sort_unstable();
        bad_rows.dedup();
        if keys.missing == Missing::Refuse {
            return Err(Failure::refused(
                format!(
                    "{} of {} rows of {} have missing entries, the first in {place}, column {name:?}",
                    bad_rows.len(),
                    file.n_rows(),
                    file.path.display()
                ),
                format!(
                    "set data.missing = \"drop-rows\" to leave these rows out, or data.drop = [{}]",
                    toml_text(name)
                ),
            ));
        }
        notes.push(format!(
            "{} of {} rows with missing entries are left out",
            bad_rows.len(),
            file.n_rows()
        ));
    }
    let rows: Vec<usize> = (0..values.nrows())
        .filter(|row| bad_rows.binary_search(row).is_err())
        .collect();
    let values = values.select(Axis(1), &used).select(Axis(0), &rows);
    let selected = DataFile {
        names: used.iter().map(|i| file.names[*i].clone()).collect(),
        rows: Rows::Table(values),
        defects: Vec::new(),
        ..file
    };
    Ok((selected, rows))
}

/// Refuses columns that are probably no measurements, unless they are asked for by name.
fn refuse_suspects(file: &DataFile, used: &[usize]) -> Result<()> {
    let columns = survey::columns(file);
    for &i in used {
        let column = &columns[i];
        let name = &column.name;
        if file.is_named && column.is_label() {
            return Err(Failure::refused(
                format!(
                    "column {name:?} of {} looks like a label: a model of it and the others would learn the answer with the question",
                    file.path.display()
                ),
                format!(
                    "set data.label = {} to leave it out; to model it all the same, name it in data.columns",
                    toml_text(name)
                ),
            ));
        }
        if column.is_counter(file.is_named) && columns.len() > 1 {
            return Err(Failure::refused(
                format!("column {name:?} of {} numbers the rows", file.path.display()),
                format!(
                    "set data.drop = [{}]; to model it all the same, name it in data.columns",
                    toml_text(name)
                ),
            ));
        }
    }
    Ok(())
}

/// Refuses keys of columns and gaps where rows are pictures of bytes, which have neither.
fn refuse_columns_of_pictures(file: &DataFile, keys: &DataKeys) -> Result<()> {
    let listed = |names: &[String]| {
        let names: Vec<String> = names.iter().map(|name| toml_text(name)).collect();
        format!("[{}]", names.join(", "))
    };
    let given = [
        ("data.columns", keys.columns.as_deref().map(listed)),
        ("data.drop", (!keys.drop.is_empty()).then(|| listed(&keys.drop))),
        ("data.label", keys.label.as_deref().map(toml_text)),
        (
            "data.missing",
            (keys.missing == Missing::DropRows).then(|| "\"drop-rows\"".to_owned()),
        ),
    ];
    for (key, value) in given {
        if let Some(value) = value {
            return Err(Failure::key(
                key,
                value,
                format!(
                    "left out for {}: its rows are pictures of bytes, without columns or missing entries",
                    file.path.display()
                ),
                "take the key out; to model some of the pixels, save them as numbers: numpy.save(\"x.npy\", x.reshape(len(x), -1) / 255)",
            ));
        }
    }
    Ok(())
}

/// Some names, for a message.
pub(super) fn listed(names: &[String]) -> String {
    const MOST: usize = 8;
    let shown: Vec<String> = names.iter().take(MOST).map(|n| format!("{n:?}")).collect();
    let more = if names.len() > MOST {
        format!(" and {} more", names.len() - MOST)
    } else {
        String::new()
    };
    format!("{}{more}", shown.join(", "))
}
