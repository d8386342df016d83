//! What a store says of itself in its consolidated metadata, as JSON.

use gibbsian_checkpoint::json::{Fault, Reader, listed, quoted};

/// What the store says of itself, and all else follows from.
pub(super) struct Own {
    pub(super) format: usize,
    pub(super) n_draws: usize,
    pub(super) n_chains: usize,
    pub(super) draws_per_chunk: usize,
    pub(super) variables: Vec<(String, Vec<usize>)>,
    pub(super) statistics: Vec<String>,
    pub(super) description: String,
}

impl Own {
    pub(super) fn json(&self) -> String {
        let variables = self.variables.iter().map(|(name, shape)| {
            let shape = listed(shape.iter().map(usize::to_string));
            listed([quoted(name), shape])
        });
        format!(
            r#"{{"format":{},"n_draws":{},"n_chains":{},"draws_per_chunk":{},"variables":{},"statistics":{},"description":{}}}"#,
            self.format,
            self.n_draws,
            self.n_chains,
            self.draws_per_chunk,
            listed(variables),
            listed(self.statistics.iter().map(|name| quoted(name))),
            quoted(&self.description),
        )
    }

    fn read(reader: &mut Reader) -> std::result::Result<Self, Fault> {
        let (mut format, mut n_draws, mut n_chains, mut draws_per_chunk) = (None, None, None, None);
        let (mut variables, mut statistics, mut description) = (None, None, None);
        reader.object(|reader, name| {
            let slot = match name.as_str() {
                "format" => &mut format,
                "n_draws" => &mut n_draws,
                "n_chains" => &mut n_chains,
                "draws_per_chunk" => &mut draws_per_chunk,
                "variables" => {
                    let mut found = Vec::new();
                    reader.list(|reader| {
                        found.push(variable(reader)?);
                        Ok(())
                    })?;
                    return reader.once(&mut variables, &name, found);
                }
                "statistics" => {
                    let mut found = Vec::new();
                    reader.list(|reader| {
                        found.push(reader.text()?);
                        Ok(())
                    })?;
                    return reader.once(&mut statistics, &name, found);
                }
                "description" => {
                    let found = reader.text()?;
                    return reader.once(&mut description, &name, found);
                }
                _ => return Err(reader.unknown(&name)),
            };
            let value = reader.whole()?;
            reader.once(slot, &name, value)
        })?;
        Ok(Self {
            format: reader.required(format, "format")?,
            n_draws: reader.required(n_draws, "n_draws")?,
            n_chains: reader.required(n_chains, "n_chains")?,
            draws_per_chunk: reader.required(draws_per_chunk, "draws_per_chunk")?,
            variables: reader.required(variables, "variables")?,
            statistics: reader.required(statistics, "statistics")?,
            description: reader.required(description, "description")?,
        })
    }
}

/// A name and a shape.
fn variable(reader: &mut Reader) -> std::result::Result<(String, Vec<usize>), Fault> {
    let (mut name, mut shape) = (None, None);
    reader.list(|reader| {
        if name.is_none() {
            name = Some(reader.text()?);
            return Ok(());
        }
        let mut lengths = Vec::new();
        reader.list(|reader| {
            lengths.push(reader.whole()?);
            Ok(())
        })?;
        reader.once(&mut shape, "shape", lengths)
    })?;
    Ok((reader.required(name, "name")?, reader.required(shape, "shape")?))
}

/// The version of the crate that wrote consolidated metadata, and what they say of the store; the rest is looked at by comparing.
pub(super) fn read(bytes: &[u8]) -> std::result::Result<(String, Own), Fault> {
    let mut reader = Reader::new(bytes);
    let (mut version, mut own) = (None, None);
    reader.object(|reader, name| {
        if name != "metadata" {
            return reader.skip();
        }
        reader.object(|reader, name| {
            if name != ".zattrs" {
                return reader.skip();
            }
            reader.object(|reader, name| match name.as_str() {
                "inference_library_version" => {
                    let said = reader.text()?;
                    reader.once(&mut version, &name, said)
                }
                "gibbsian" => {
                    let said = Own::read(reader)?;
                    reader.once(&mut own, &name, said)
                }
                _ => reader.skip(),
            })
        })
    })?;
    reader.end()?;
    Ok((
        reader.required(version, "inference_library_version")?,
        reader.required(own, "gibbsian")?,
    ))
}
