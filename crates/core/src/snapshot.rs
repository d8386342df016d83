//! State that survives an interruption: named arrays that restore bit for bit.
//!
//! A [`Snapshot`] is everything that influences later results: parameters, momenta, persistent chains. Generators are not part of it:
//! drivers derive the generator of each step from a [`crate::Seed`] and the number of the step, so the counter is enough.
//! How records become bytes, checksums and files is the checkpoint crate's business.

use ndarray::{Array, Array1, Dimension};

use crate::error::{Error, Result};
use crate::params::{Layout, Parametric};

/// The numbers of one array, in the precision in which they live.
#[derive(Clone, Debug, PartialEq)]
pub enum Values {
    /// Double precision.
    F64(Vec<f64>),
    /// Single precision.
    F32(Vec<f32>),
    /// Counters and bit patterns.
    U64(Vec<u64>),
    /// Bytes.
    U8(Vec<u8>),
}

impl Values {
    /// The number of entries.
    pub fn len(&self) -> usize {
        match self {
            Values::F64(v) => v.len(),
            Values::F32(v) => v.len(),
            Values::U64(v) => v.len(),
            Values::U8(v) => v.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Named arrays, in the order in which they were put.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Record {
    entries: Vec<(String, Vec<usize>, Values)>,
}

macro_rules! accessors {
    ($($get:ident, $variant:ident, $type:ty, $what:literal;)*) => {$(
        #[doc = concat!("The ", $what, " array of this name and shape.\n\n# Errors\nIt is missing, or has another kind or shape.")]
        pub fn $get(&self, name: &str, shape: &[usize]) -> Result<&[$type]> {
            match self.find(name, shape)? {
                Values::$variant(v) => Ok(v),
                _ => Err(Error::format(format!("snapshot entry `{name}`"), "another kind of number", $what)),
            }
        }
    )*};
}

impl Record {
    /// The empty record.
    pub fn new() -> Self {
        Record::default()
    }

    /// Adds an array of the given shape.
    ///
    /// # Panics
    /// When the name is taken or the shape does not match the length; both are errors of the caller.
    pub fn put(&mut self, name: impl Into<String>, shape: &[usize], values: Values) {
        let name = name.into();
        assert!(
            self.entries.iter().all(|e| e.0 != name),
            "`{name}` is already in the record"
        );
        assert_eq!(shape.iter().product::<usize>(), values.len(), "shape of `{name}`");
        self.entries.push((name, shape.to_vec(), values));
    }

    /// Adds all of `part` under `prefix`, as `prefix.name`.
    pub fn put_part(&mut self, prefix: &str, part: Record) {
        for (name, shape, values) in part.entries {
            self.put(format!("{prefix}.{name}"), &shape, values);
        }
    }

    /// The entries under `prefix`, without it.
    pub fn part(&self, prefix: &str) -> Record {
        let entries = self.entries.iter().filter_map(|(name, shape, values)| {
            let rest = name.strip_prefix(prefix)?.strip_prefix('.')?;
            Some((rest.to_owned(), shape.clone(), values.clone()))
        });
        Record {
            entries: entries.collect(),
        }
    }

    /// Name, shape and numbers of every entry, in order.
    pub fn entries(&self) -> impl Iterator<Item = (&str, &[usize], &Values)> {
        self.entries.iter().map(|(n, s, v)| (n.as_str(), s.as_slice(), v))
    }

    /// The shape of an entry, where it is not known beforehand.
    pub fn shape(&self, name: &str) -> Option<&[usize]> {
        self.entries.iter().find(|e| e.0 == name).map(|e| e.1.as_slice())
    }

    accessors! {
        f64s, F64, f64, "double precision";
        f32s, F32, f32, "single precision";
        u64s, U64, u64, "64-bit integer";
        bytes, U8, u8, "byte";
    }

    /// The parameters of a model, an entry for every tensor of its layout, in double precision.
    ///
    /// ```
    /// use gibbsian_core::{Layout, Parametric, Record};
    /// use ndarray::{Array1, array};
    ///
    /// struct Line;
    /// impl Parametric for Line {
    ///     fn layout(&self) -> Layout {
    ///         Layout::new().with("weights", &[1, 2]).with("bias", &[1])
    ///     }
    ///     fn params(&self) -> Array1<f64> {
    ///         array![0.5, -1.0, 0.25]
    ///     }
    /// }
    /// let record = Record::of_params(&Line);
    /// assert_eq!(record.f64s("weights", &[1, 2])?, [0.5, -1.0]);
    /// assert_eq!(record.params(&Line.layout())?, Line.params());
    /// # Ok::<(), gibbsian_core::Error>(())
    /// ```
    pub fn of_params(model: &(impl Parametric + ?Sized)) -> Self {
        let params = model.params();
        let mut record = Record::new();
        for tensor in model.layout().tensors() {
            let values = params.iter().skip(tensor.range.start).take(tensor.range.len());
            let values = Values::F64(values.copied().collect());
            record.put(&*tensor.name, &tensor.shape, values);
        }
        record
    }

    /// The flat vector of parameters for a model of this layout, from the entries of its names in double or single precision. Other entries are passed over.
    ///
    /// # Errors
    /// An entry is missing, or has another kind of number or another shape.
    pub fn params(&self, layout: &Layout) -> Result<Array1<f64>> {
        let mut params = Array1::zeros(layout.n_params());
        for tensor in layout.tensors() {
            let places = params.iter_mut().skip(tensor.range.start);
            match self.find(&tensor.name, &tensor.shape)? {
                Values::F64(values) => places.zip(values).for_each(|(place, x)| *place = *x),
                Values::F32(values) => places.zip(values).for_each(|(place, x)| *place = f64::from(*x)),
                _ => {
                    let origin = format!("snapshot entry `{}`", tensor.name);
                    return Err(Error::format(origin, "integers", "real numbers"));
                }
            }
        }
        Ok(params)
    }

    /// The same with all double precision rounded to single. What is beyond its range becomes infinite, which no file takes.
    pub fn in_single_precision(mut self) -> Self {
        for (_, _, values) in &mut self.entries {
            if let Values::F64(doubles) = values {
                *values = Values::F32(doubles.iter().map(|x| *x as f32).collect());
            }
        }
        self
    }

    fn find(&self, name: &str, shape: &[usize]) -> Result<&Values> {
        let origin = || format!("snapshot entry `{name}`");
        let Some((_, found, values)) = self.entries.iter().find(|e| e.0 == name) else {
            return Err(Error::format(
                origin(),
                "no such entry",
                format!("shape {shape:?}"),
            ));
        };
        if found == shape {
            Ok(values)
        } else {
            Err(Error::format(
                origin(),
                format!("shape {found:?}"),
                format!("shape {shape:?}"),
            ))
        }
    }
}

/// Something whose state can be taken and put back bit for bit.
pub trait Snapshot {
    /// All state that influences later results.
    fn snapshot(&self) -> Record;

    /// Puts the state back.
    ///
    /// # Errors
    /// An entry is missing or does not fit; the state is then unchanged.
    fn restore(&mut self, record: &Record) -> Result<()>;
}

/// Something without state that influences later results: its [`Snapshot`] is empty, and any can be restored.
pub trait Stateless {}

impl<T: Stateless> Snapshot for T {
    fn snapshot(&self) -> Record {
        Record::new()
    }

    fn restore(&mut self, _: &Record) -> Result<()> {
        Ok(())
    }
}

/// An array, under the name `x`; its shape is part of what must fit.
impl<D: Dimension> Snapshot for Array<f64, D> {
    fn snapshot(&self) -> Record {
        let mut record = Record::new();
        record.put("x", self.shape(), Values::F64(self.iter().copied().collect()));
        record
    }

    fn restore(&mut self, record: &Record) -> Result<()> {
        let values = record.f64s("x", self.shape())?;
        for (x, value) in self.iter_mut().zip(values) {
            *x = *value;
        }
        Ok(())
    }
}

/// Two states, under the names `0` and `1`.
impl<A: Snapshot, B: Snapshot> Snapshot for (A, B) {
    fn snapshot(&self) -> Record {
        let mut record = Record::new();
        record.put_part("0", self.0.snapshot());
        record.put_part("1", self.1.snapshot());
        record
    }

    fn restore(&mut self, record: &Record) -> Result<()> {
        let before = self.0.snapshot();
        self.0.restore(&record.part("0"))?;
        if let Err(refusal) = self.1.restore(&record.part("1")) {
            self.0.restore(&before)?;
            return Err(refusal);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn parts_nest_and_come_back() {
        let mut inner = Record::new();
        inner.put("velocity", &[2], Values::F32(vec![1.0, f32::NAN]));
        let mut outer = Record::new();
        outer.put("step", &[], Values::U64(vec![7]));
        outer.put_part("optimiser", inner);
        assert_eq!(outer.u64s("step", &[]).unwrap(), [7]);
        let part = outer.part("optimiser");
        assert_eq!(
            part.f32s("velocity", &[2]).unwrap()[1].to_bits(),
            f32::NAN.to_bits()
        );
        assert!(outer.part("optim").entries().next().is_none());
    }

    #[test]
    fn arrays_and_pairs_come_back_whole_or_not_at_all() {
        let old = (array![[1.0, 2.0]], array![3.0]);
        let mut new = (array![[0.0, 0.0]], array![0.0]);
        new.restore(&old.snapshot()).unwrap();
        assert_eq!(new, old);
        let misfit = (array![[5.0, 6.0]], array![7.0, 8.0]).snapshot();
        assert!(new.restore(&misfit).is_err());
        assert_eq!(new, old);
    }

    /// A model of two tensors.
    struct Two;

    impl Parametric for Two {
        fn layout(&self) -> Layout {
            Layout::new().with("a", &[2, 1]).with("b", &[3])
        }

        fn params(&self) -> Array1<f64> {
            array![0.1, -2.0, 3.0, 4.5, 1e300]
        }
    }

    #[test]
    fn parameters_go_by_their_names_and_come_back_in_either_precision() {
        let record = Record::of_params(&Two);
        assert_eq!(record.f64s("a", &[2, 1]).unwrap(), [0.1, -2.0]);
        assert_eq!(record.f64s("b", &[3]).unwrap(), [3.0, 4.5, 1e300]);
        assert_eq!(record.params(&Two.layout()).unwrap(), Two.params());

        let mut more = Record::new();
        more.put("step", &[], Values::U64(vec![3]));
        more.put_part("model", record.clone());
        let single = more.in_single_precision();
        assert_eq!(single.u64s("step", &[]).unwrap(), [3]);
        let single = single.part("model");
        assert_eq!(single.f32s("b", &[3]).unwrap(), [3.0, 4.5, f32::INFINITY]);
        let back = single.params(&Two.layout()).unwrap();
        let expected = array![f64::from(0.1f32), -2.0, 3.0, 4.5, f64::INFINITY];
        assert_eq!(back, expected);

        let other = Two.layout().with("c", &[1]);
        assert!(record.params(&other).unwrap_err().to_string().contains("`c`"));
        let turned = Layout::new().with("a", &[1, 2]);
        assert!(record.params(&turned).unwrap_err().to_string().contains("[1, 2]"));
        let mut integers = Record::new();
        integers.put("a", &[1], Values::U64(vec![1]));
        let layout = Layout::new().with("a", &[1]);
        let refusal = integers.params(&layout).unwrap_err().to_string();
        assert!(
            refusal.contains("`a`") && refusal.contains("integers"),
            "{refusal}"
        );
    }

    #[test]
    fn missing_and_misfitting_entries_are_named() {
        let mut record = Record::new();
        record.put("bias", &[2], Values::F64(vec![0.0; 2]));
        assert!(
            record
                .f64s("weights", &[2])
                .unwrap_err()
                .to_string()
                .contains("weights")
        );
        assert!(record.f64s("bias", &[3]).unwrap_err().to_string().contains("[3]"));
        assert!(record.f32s("bias", &[2]).is_err());
    }
}
