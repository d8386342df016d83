//! Takes the weights out of the checkpoint of a training run, into a file that holds nothing else.
//!
//! ```text
//! cargo run --release -p gibbsian-checkpoint --example weights -- RUN.safetensors WEIGHTS.safetensors
//! ```

use gibbsian_checkpoint::Checkpoint;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [from, to] = arguments.as_slice() else {
        return Err("give the checkpoint of a run and the file to write".into());
    };
    let run = Checkpoint::read(from)?;
    let record = run.record.part("model");
    Checkpoint { record, ..run }.write(to)?;
    Ok(())
}
