//! The kit against planted bugs and known laws, in one program.

mod forward_processes;
mod planted;
mod reference_targets;
mod standard_normals;
