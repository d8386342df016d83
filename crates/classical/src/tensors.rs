//! Parameters as named tensors of a record, and back.

use gibbsian_core::{Parametric, Record, Result, Values};
use ndarray::{Array1, ArrayView1, s};

/// One entry a tensor of the layout.
pub(crate) fn params_to_record<M: Parametric>(model: &M) -> Record {
    let mut record = Record::new();
    let params = model.params();
    for tensor in model.layout().tensors() {
        let values = params.slice(s![tensor.range.clone()]).to_vec();
        record.put(&*tensor.name, &tensor.shape, Values::F64(values));
    }
    record
}

/// The flat vector of parameters that a record holds for a model of this layout.
///
/// # Errors
/// An entry that is missing or has another shape.
pub(crate) fn params_from_record<M: Parametric>(model: &M, record: &Record) -> Result<Array1<f64>> {
    let layout = model.layout();
    let mut params = Array1::zeros(layout.n_params());
    for tensor in layout.tensors() {
        let values = record.f64s(&tensor.name, &tensor.shape)?;
        params
            .slice_mut(s![tensor.range.clone()])
            .assign(&ArrayView1::from(values));
    }
    Ok(params)
}
